"""Lists over a history and a backlog that are long: every page is bounded, and pages join without gap or repeat."""

import time
from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import combinations
from typing import Any

import psycopg
import pytest
from psycopg.rows import namedtuple_row
from tests.backing import fresh_database
from tests.integration.store.listing import FILTERS, fill, pages, repository, steps

from treadle_domain.queue_depth import QueueQuery
from treadle_domain.stored_job import JobQuery
from treadle_store.adapters.outbound.postgres import job_pages
from treadle_store.adapters.outbound.postgres.queue_depths import SHORTEST_LOOK, PostgresQueueDepths

FINISHED = 14_000
LIVE = 11_000


@pytest.fixture(scope="module")
def long_database_url(postgres_url: str, template_url: str) -> Iterator[str]:
    with fresh_database(postgres_url, template_url) as url:
        fill(url, FINISHED, LIVE)
        yield url


_OF_FEW = ["what runs", "a rare queue", "finished within a minute", "failed within hours"]


@pytest.mark.parametrize("name", _OF_FEW)
async def test_what_few_jobs_are_is_found_at_once_however_many_others_are_newer(
    long_database_url: str, name: str
) -> None:
    async with repository(long_database_url) as (jobs, _):
        page = await jobs.page(JobQuery(namespace="default", limit=100, **FILTERS[name]))

    assert page.jobs
    assert page.next is None


async def test_failures_of_a_range_are_sought_among_failures_alone(long_database_url: str) -> None:
    query = JobQuery(namespace="default", **FILTERS["failed within hours"])
    async with repository(long_database_url) as (_, database), database.reading() as connection:
        found = await steps(connection, query)

    one_in_a_hundred = 2 * 3_600 // 100
    assert max(step.rows for step in found) < 2 * one_in_a_hundred


@pytest.fixture(scope="module")
def everything(long_database_url: str) -> Sequence[Any]:
    with psycopg.connect(long_database_url, row_factory=namedtuple_row) as connection:
        return connection.execute(_EVERYTHING).fetchall()


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

            for step in await steps(connection, query):
                assert step.rows <= job_pages.SCANNED, (said, step)
                assert step.kind not in ("Bitmap Heap Scan", "Incremental Sort"), said
                assert "id = ANY" not in step.condition or step.index.endswith("_pkey"), said


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


@pytest.mark.soak
async def test_a_million_finished_jobs_make_no_page_dearer(migrated_database_url: str) -> None:
    fill(migrated_database_url, 1_000_000, 200_000)
    async with repository(migrated_database_url) as (jobs, database):
        for name, filters in FILTERS.items():
            query = JobQuery(namespace="default", **filters)
            seconds = [await _seconds(jobs.page(query)) for _ in range(5)]
            async with database.reading() as connection:
                most = max(step.rows for step in await steps(connection, query))

            print(f"{name}: {1e3 * min(seconds):.1f} ms, at most {most} rows in a step")  # noqa: T201
            assert most <= job_pages.SCANNED
            assert min(seconds) < 0.25
        depths = PostgresQueueDepths(database)
        seconds = [await _seconds(depths.page(QueueQuery(namespace="default"))) for _ in range(5)]
        print(f"all queues: {1e3 * min(seconds):.1f} ms")  # noqa: T201


async def _seconds(work: Awaitable[object]) -> float:
    began = time.perf_counter()
    await work
    return time.perf_counter() - began
