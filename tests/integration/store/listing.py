"""Lists of a repository on PostgreSQL, long ones too."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection
from tests.fakes.in_memory_job_ends import InMemoryJobEnds

from treadle_domain.job import Job
from treadle_domain.states import JobState
from treadle_domain.stored_job import JobQuery
from treadle_store.adapters.outbound.postgres import job_pages
from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.job_repository import PostgresJobRepository

BORN = datetime(2026, 1, 1, tzinfo=UTC)
# One a second, the finished ones first. `rare` stands where a walk comes last.
_FILL = """
INSERT INTO {table} (
    id, namespace, queue, type, priority, metadata, max_attempts, timeout, retry, created_at, run_at, rank, state,
    version, attempt, losses, interruptions, snoozes, fence_base, fence, alone, payload, finished_at)
SELECT md5('{table}' || n)::uuid, 'default', CASE WHEN n <= 10 THEN 'rare' ELSE 'q' || n % 3 END,
    CASE WHEN n <= 10 THEN 'rare' ELSE 'echo' END, 0, jsonb_build_object('n', n::text, 'tenant', (n % 3)::text),
    3, '1 h', '{{"initial_seconds": 1, "maximum_seconds": 9, "multiplier": 2, "jitter": 1}}', born, born, n, {state},
    1, CASE WHEN n <= 10 THEN 2 ELSE 1 END, 0, 0, 0, 0, 0, false, '1', {finished_at}
FROM (SELECT n, timestamptz '{since}' + n * interval '1 s' AS born FROM generate_series(1, {rows}) AS n) AS births
"""
_ENDS = "CASE WHEN n % 100 = 0 THEN 'FAILED' WHEN n <= 10 THEN 'CANCELLED' ELSE 'SUCCESS' END"


def fill(url: str, finished: int, live: int) -> None:
    """PostgreSQL knows nothing of how much is there: no statistics."""
    begin_of_live = BORN + timedelta(seconds=finished)
    statements = (
        "ALTER TABLE finished_jobs SET (autovacuum_enabled = off)",
        "ALTER TABLE live_jobs SET (autovacuum_enabled = off)",
        _FILL.format(
            table="finished_jobs",
            rows=finished,
            since=BORN,
            state=_ENDS,
            finished_at="born + interval '1 s'",
        ),
        _FILL.format(
            table="live_jobs",
            rows=live,
            since=begin_of_live,
            state="'PENDING'",
            finished_at="NULL",
        ),
        "UPDATE live_jobs SET state = 'RUNNING', fence = 1 WHERE rank = 1",
        "INSERT INTO held SELECT gen_random_uuid(), id, 1, gen_random_uuid(), 1, now() FROM live_jobs WHERE rank = 1",
    )
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


FILTERS: dict[str, dict[str, Any]] = {
    "a common queue": {"queue": "q1"},
    "a rare queue": {"queue": "rare"},
    "a common type": {"type": "echo"},
    "a rare type": {"type": "rare"},
    "few failures": {"states": frozenset({JobState.FAILED})},
    "what did not succeed": {"states": frozenset({JobState.FAILED, JobState.CANCELLED})},
    "successes": {"states": frozenset({JobState.SUCCESS})},
    "what runs": {"states": frozenset({JobState.RUNNING})},
    "what waits": {"states": frozenset({JobState.PENDING})},
    "live and finished": {"states": frozenset({JobState.PENDING, JobState.FAILED})},
    "a common pair": {"metadata": {"tenant": "1"}},
    "one job's pair": {"metadata": {"n": "7"}},
    "no job's pair": {"metadata": {"n": "no"}},
    "later attempts": {"attempt_above": 1},
    "made within an hour": {
        "created_after": BORN + timedelta(hours=2),
        "created_before": BORN + timedelta(hours=3),
    },
    "finished within a minute": {
        "finished_after": BORN + timedelta(hours=1),
        "finished_before": BORN + timedelta(hours=1, minutes=1),
    },
    "failed within hours": {
        "states": frozenset({JobState.FAILED}),
        "finished_after": BORN,
        "finished_before": BORN + timedelta(hours=2),
    },
    "finished within hours": {"finished_after": BORN, "finished_before": BORN + timedelta(hours=2)},
}


@asynccontextmanager
async def repository(url: str) -> AsyncIterator[tuple[PostgresJobRepository, Database]]:
    database = Database(url, pool_size=3)
    yield PostgresJobRepository(database, InMemoryJobEnds()), database
    await database.close()


async def pages(
    jobs: PostgresJobRepository, query: JobQuery, most: int = 10_000
) -> list[Sequence[Job]]:
    """From the first to the last, or `most` of them."""
    found: list[Sequence[Job]] = []
    while len(found) < most:
        page = await jobs.page(query)
        found.append(page.jobs)
        if page.next is None:
            break
        query = replace(query, after=page.next)
    return found


@dataclass(frozen=True)
class Step:
    """Of a plan: how many rows it had in hand, and by which index and condition it found them."""

    kind: str
    rows: int
    index: str
    condition: str


async def steps(connection: AsyncConnection, query: JobQuery) -> list[Step]:
    statement = job_pages.statement(query)
    if statement is None:
        return []
    compiled = statement.compile(dialect=postgresql.psycopg.dialect())  # type: ignore[no-untyped-call]
    values = {**compiled.params, **job_pages.values(query)}
    values["metadata"] = json.dumps(values["metadata"])
    explained = await connection.exec_driver_sql(
        f"EXPLAIN (ANALYZE, FORMAT JSON) {compiled}", values
    )
    [plan] = explained.scalar_one()
    return list(_steps(plan["Plan"]))


def _steps(plan: dict[str, Any]) -> Iterator[Step]:
    rows = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
    yield Step(
        kind=plan["Node Type"],
        rows=round(rows * plan["Actual Loops"]),
        index=plan.get("Index Name", ""),
        condition=plan.get("Index Cond", ""),
    )
    for part in plan.get("Plans", ()):
        yield from _steps(part)
