"""How full queues are, asked of the fake and of PostgreSQL."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.builders import SECOND, a_stored_job, running
from tests.contract.changes import a_change, added, failed, put, succeeded
from tests.fakes.in_memory_job_ends import InMemoryJobEnds
from tests.fakes.in_memory_queue_depths import InMemoryQueueDepths
from tests.fakes.in_memory_store import InMemoryClock, InMemoryJobRepository
from tests.fakes.store_over_postgres import stepped_clock

from treadle_domain.job import Job
from treadle_domain.queue_depth import QueueDepth, QueueQuery
from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.job_repository import PostgresJobRepository
from treadle_store.adapters.outbound.postgres.queue_depths import PostgresQueueDepths
from treadle_store.application.ports import JobRepository
from treadle_store.application.queue_ports import QueueDepths

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
"""At which both clocks stand."""


@dataclass
class Subject:
    jobs: JobRepository
    depths: QueueDepths

    async def all(self, **asked: Any) -> list[QueueDepth]:
        return [*(await self.depths.page(QueueQuery(namespace="default", **asked))).queues]


@pytest.fixture(params=["in memory", "PostgreSQL"])
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    if request.param == "in memory":
        jobs = InMemoryJobRepository(InMemoryJobEnds())
        yield Subject(jobs, InMemoryQueueDepths(jobs, InMemoryClock()))
        return
    url = request.getfixturevalue("migrated_database_url")
    with stepped_clock(url):
        database = Database(url, pool_size=2)
        yield Subject(
            PostgresJobRepository(database, InMemoryJobEnds()), PostgresQueueDepths(database)
        )
        await database.close()


def started(job: Job) -> Job:
    return running(job, now=job.run_at)


async def test_a_queue_shows_what_is_ready_waits_for_its_time_and_runs(subject: Subject) -> None:
    for age in (3, 2, 1):
        await put(subject.jobs, a_stored_job(now=MOMENT - age * SECOND))
    await put(subject.jobs, a_stored_job(now=MOMENT, delay=SECOND))
    await put(subject.jobs, a_stored_job(now=MOMENT, priority=9, delay=SECOND))
    await put(subject.jobs, a_stored_job(now=MOMENT), started, failed)
    await put(subject.jobs, a_stored_job(now=MOMENT - 9 * SECOND), started)
    await put(subject.jobs, a_stored_job(now=MOMENT), started, succeeded)

    [depth] = await subject.all()

    assert depth == QueueDepth(
        queue="default",
        ready=3,
        scheduled=2,
        retrying=1,
        running=1,
        oldest_ready_age=3 * SECOND,
    )


async def test_priorities_of_any_age_are_counted_together(subject: Subject) -> None:
    for priority in range(10):
        age = timedelta(hours=priority, minutes=1)
        await put(subject.jobs, a_stored_job(now=MOMENT - age, priority=priority))
        await put(subject.jobs, a_stored_job(now=MOMENT, delay=age, priority=priority))

    [depth] = await subject.all()

    assert (depth.ready, depth.scheduled) == (10, 10)
    assert depth.oldest_ready_age == timedelta(hours=9, minutes=1)


async def test_what_is_put_off_is_not_ready(subject: Subject) -> None:
    waiting = await put(subject.jobs, a_stored_job(now=MOMENT - SECOND))
    put_off = waiting.put_off(5 * SECOND, MOMENT)
    assert not await subject.jobs.save([a_change(waiting, put_off)])

    [depth] = await subject.all()

    assert (depth.ready, depth.scheduled, depth.oldest_ready_age) == (0, 1, None)


async def test_a_new_life_begins_without_a_run(subject: Subject) -> None:
    job = (await added(subject.jobs, a_stored_job(now=MOMENT)))[0].job
    cancelled = job.cancel(MOMENT)
    await subject.jobs.save([a_change(job, cancelled)])
    assert await subject.all() == []

    await subject.jobs.save([a_change(cancelled, cancelled.retry(MOMENT + SECOND))])

    assert [(d.scheduled, d.retrying) for d in await subject.all()] == [(1, 0)]


async def test_queues_come_by_name_page_by_page_and_only_those_of_the_namespace(
    subject: Subject,
) -> None:
    for queue in ("b", "a", "c", "B", "a-b"):
        await put(subject.jobs, a_stored_job(queue=queue, now=MOMENT))
    await put(subject.jobs, a_stored_job(queue="a", namespace="other", now=MOMENT))
    for queue in ("a", "other"):
        await put(subject.jobs, a_stored_job(queue=queue, namespace="other", now=MOMENT), started)

    query, found = QueueQuery(namespace="default", limit=2), []
    while True:
        page = await subject.depths.page(query)
        found += [(depth.queue, depth.ready, depth.running) for depth in page.queues]
        if not page.more:
            break
        query = replace(query, after=page.queues[-1].queue)

    assert found == [(queue, 1, 0) for queue in ("B", "a", "a-b", "b", "c")]


async def test_queues_that_are_asked_for_by_name_come_also_when_they_are_empty(
    subject: Subject,
) -> None:
    await put(subject.jobs, a_stored_job(queue="full", now=MOMENT))
    await put(subject.jobs, a_stored_job(queue="other", now=MOMENT))

    depths = await subject.all(names=frozenset({"full", "empty"}))

    assert depths == [
        QueueDepth(queue="empty"),
        QueueDepth(queue="full", ready=1, oldest_ready_age=timedelta(0)),
    ]
    assert await subject.all(names=frozenset({"full", "empty"}), after="empty") == depths[1:]
