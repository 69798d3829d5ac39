"""Lists over a history and a backlog that are long: every page is bounded, and pages join without gap or repeat."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

import psycopg
import pytest
from psycopg.rows import namedtuple_row
from sqlalchemy.dialects import postgresql
from tests.backing import fresh_database
from tests.integration.store.listing import pages, repository

from treadle_domain.queue_depth import QueueQuery
from treadle_domain.states import JobState
from treadle_domain.stored_job import JobQuery
from treadle_store.adapters.outbound.postgres import job_pages
from treadle_store.adapters.outbound.postgres.queue_depths import SHORTEST_LOOK, PostgresQueueDepths

FINISHED = 14_000
LIVE = 11_000
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
_FILLED = (
    "ALTER TABLE finished_jobs SET (autovacuum_enabled = off)",
    "ALTER TABLE live_jobs SET (autovacuum_enabled = off)",
    _FILL.format(
        table="finished_jobs",
        rows=FINISHED,
        since=BORN,
        state=_ENDS,
        finished_at="born + interval '1 s'",
    ),
    _FILL.format(
        table="live_jobs",
        rows=LIVE,
        since=BORN + timedelta(seconds=FINISHED),
        state="'PENDING'",
        finished_at="NULL",
    ),
)


@pytest.fixture(scope="module")
def long_database_url(postgres_url: str, template_url: str) -> Iterator[str]:
    """PostgreSQL knows nothing of how much is in it: no statistics."""
    with fresh_database(postgres_url, template_url) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in _FILLED:
                connection.execute(statement.encode())
        yield url


@pytest.fixture(scope="module")
def everything(long_database_url: str) -> Sequence[Any]:
    with psycopg.connect(long_database_url, row_factory=namedtuple_row) as connection:
        return connection.execute(_EVERYTHING).fetchall()


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
    "finished within hours": {"finished_after": BORN, "finished_before": BORN + timedelta(hours=2)},
}


@pytest.mark.parametrize("analyzed", [False, True], ids=["without statistics", "with statistics"])
async def test_no_page_looks_at_more_jobs_than_its_bound_whatever_the_filters(
    long_database_url: str, analyzed: bool
) -> None:
    async with repository(long_database_url) as (_, database), database.reading() as connection:
        if analyzed:
            await connection.exec_driver_sql("ANALYZE finished_jobs")
            await connection.exec_driver_sql("ANALYZE live_jobs")
        pairs = () if analyzed else combinations(FILTERS, 2)
        for said in (*((name,) for name in FILTERS), *pairs):
            query = JobQuery(namespace="default")
            for name in said:
                query = replace(query, **FILTERS[name])

            for name, rows in await looked_at(connection, query):
                assert rows <= job_pages.SCANNED, (said, name, rows)
                assert name not in ("Bitmap Heap Scan", "Incremental Sort"), said


async def looked_at(connection: Any, query: JobQuery) -> list[tuple[str, int]]:
    """The steps of the plan and how many rows each had in hand."""
    statement = job_pages.statement(query)
    if statement is None:
        return []
    compiled = statement.compile(
        dialect=postgresql.psycopg.dialect(),  # type: ignore[no-untyped-call]
        compile_kwargs={"literal_binds": False},
    )
    values = {**compiled.params, **job_pages.values(query)}
    values["metadata"] = json.dumps(values["metadata"])
    explained = await connection.exec_driver_sql(
        f"EXPLAIN (ANALYZE, FORMAT JSON) {compiled}", values
    )
    [plan] = explained.scalar()
    return list(_steps(plan["Plan"]))


def _steps(plan: dict[str, Any]) -> Iterator[tuple[str, int]]:
    removed = plan.get("Rows Removed by Filter", 0)
    yield plan["Node Type"], round((plan["Actual Rows"] + removed) * plan["Actual Loops"])
    for part in plan.get("Plans", ()):
        yield from _steps(part)


@pytest.mark.parametrize("name", FILTERS)
async def test_the_pages_of_a_filter_are_all_that_fits_newest_first(
    long_database_url: str, everything: Sequence[Any], name: str
) -> None:
    query = JobQuery(namespace="default", limit=200, **FILTERS[name])
    async with repository(long_database_url) as (jobs, _):
        found = await pages(jobs, query, most=8)

    shown = [job.id for page in found for job in page]
    fitting = [row.id for row in everything if _fits(row, query)]
    assert shown == fitting[: 8 * 200]
    # Of a page that is not full at least one walk has used up its bound.
    assert len(found) <= len(shown) / 200 + (FINISHED + LIVE) / job_pages.SCANNED + 2


_EVERYTHING = """
SELECT id, state, queue, type, metadata, attempt, created_at, finished_at FROM live_jobs UNION ALL
SELECT id, state, queue, type, metadata, attempt, created_at, finished_at FROM finished_jobs
ORDER BY created_at DESC, id DESC
"""


def _fits(row: Any, query: JobQuery) -> bool:
    ends = (query.finished_after, query.finished_before) != (None, None)
    return (
        (not query.states or row.state in query.states)
        and query.queue in (None, row.queue)
        and query.type in (None, row.type)
        and query.metadata.items() <= row.metadata.items()
        and (query.attempt_above is None or row.attempt > query.attempt_above)
        and _within(row.created_at, query.created_after, query.created_before)
        and (not ends or row.finished_at is not None)
        and (not ends or _within(row.finished_at, query.finished_after, query.finished_before))
    )


def _within(moment: datetime, start: datetime | None, end: datetime | None) -> bool:
    return (start is None or start <= moment) and (end is None or moment < end)


async def test_queues_that_are_asked_for_together_share_what_is_looked_at(
    long_database_url: str,
) -> None:
    crowd = frozenset({"q0", *(f"empty{n}" for n in range(49))})
    async with repository(long_database_url) as (_, database):
        depths = PostgresQueueDepths(database)
        alone = await depths.page(QueueQuery(namespace="default", names=frozenset({"q0"})))
        together = await depths.page(QueueQuery(namespace="default", names=crowd))

    [all_of_it], cut = alone.queues, together.queues[-1]
    assert (all_of_it.ready, all_of_it.capped) == (LIVE // 3 - 3, False)  # but for the rare ones
    assert (cut.ready, cut.capped) == (SHORTEST_LOOK, True)
    assert cut.queue == "q0"
