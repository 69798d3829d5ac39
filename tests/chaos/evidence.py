"""Gathers what the judge needs: from the client's notes, both tables, the API's lists, the ledger and Redis."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from tests.chaos.cluster import Cluster
from tests.chaos.history import Call, Expectation, Failure, History, JobRow, Word
from tests.chaos.ledger import read_lines

_COLUMNS = (
    "id::text, metadata ->> 'n' AS number, type, state, version, fence, fence_base, attempt, losses,"
    " interruptions, snoozes, error ->> 'kind' AS error_kind, (result ->> 'fence')::int AS result_fence"
)
_ROWS = " UNION ALL ".join(
    f"SELECT {_COLUMNS} FROM {table} WHERE metadata ->> 'tag' = %(tag)s"
    for table in ("live_jobs", "finished_jobs")
)
_FAILURES = """
    SELECT a.job_id::text, a.fence, a.error ->> 'kind', s.close_reason
    FROM attempts a LEFT JOIN sessions s ON s.id = a.session
    WHERE a.job_id IN (SELECT id FROM finished_jobs WHERE metadata ->> 'tag' = %(tag)s)
"""


@dataclass
class Notes:
    """What a client was told, and keeps."""

    accepted: set[str] = field(default_factory=set)
    undone: set[str] = field(default_factory=set)
    answers: Counter[tuple[Call, int]] = field(default_factory=Counter)
    words: list[Word] = field(default_factory=list)


def gather(
    cluster: Cluster,
    tag: str,
    ledger: Path,
    notes: Notes,
    expectations: Mapping[str, Expectation],
    broken: Iterable[str] = (),
    executors_killed: int = 0,
) -> History:
    """`broken`: what went wrong beside jobs, in words."""
    return History(
        accepted=notes.accepted,
        undone=notes.undone,
        answers=notes.answers,
        words=notes.words,
        rows=[JobRow(**row) for row in cluster.rows(_ROWS, tag=tag)],
        failures=[Failure(*row) for row in cluster.sql(_FAILURES, tag=tag)],
        listed={
            job_id: (job["state"], job["version"]) for job_id, job in listed(cluster, tag).items()
        },
        lines=read_lines(ledger),
        left_over=left_over(cluster) | Counter(broken),
        executors_killed=executors_killed,
        expectations=expectations,
    )


def left_over(cluster: Cluster) -> dict[str, int]:
    [(held,)] = cluster.sql("SELECT count(*)::int FROM held")
    [(sessions,)] = cluster.sql("SELECT count(*)::int FROM sessions WHERE closed_at IS NULL")
    return {
        "runs held": held,
        "ids in Redis": cluster.ready_ids(),
        "sessions without a worker": max(0, sessions - cluster.live_workers),
    }


def listed(cluster: Cluster, tag: str, **filters: str) -> dict[str, dict[str, Any]]:
    """All jobs of one workload by id, as lists show them."""
    found: dict[str, dict[str, Any]] = {}
    query = {"metadata.tag": tag, "limit": "100", **filters}
    while True:
        answer = cluster.clients[0].get("/v1/jobs", params=query)
        assert answer.status_code == httpx.codes.OK, answer.text
        page = answer.json()
        found.update({job["id"]: job for job in page["items"]})
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]
