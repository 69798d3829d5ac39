import time
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from tests.builders import SECOND, a_job
from tests.eventually import eventually
from tests.fakes.in_memory_store import InMemoryAnnouncements, InMemoryClock, InMemoryReadyQueue

from treadle_domain.job import Job
from treadle_store.application.announce_due_jobs import PAGE, AnnounceDueJobs
from treadle_store.application.hand_over import HandOver


@pytest.fixture
def clock() -> InMemoryClock:
    return InMemoryClock()


@pytest.fixture
def announcements(clock: InMemoryClock) -> InMemoryAnnouncements:
    return InMemoryAnnouncements(clock)


@pytest.fixture
def ready_queue() -> InMemoryReadyQueue:
    return InMemoryReadyQueue()


@pytest.fixture
async def announce(
    announcements: InMemoryAnnouncements, ready_queue: InMemoryReadyQueue
) -> AsyncIterator[AnnounceDueJobs]:
    async with HandOver(ready_queue) as hand_over:
        yield AnnounceDueJobs(announcements, ready_queue, hand_over)


def a_delayed_job(announcements: InMemoryAnnouncements, delay: timedelta) -> Job:
    job = a_job(now=announcements.clock.time, delay=delay)
    announcements.jobs.append(job)
    return job


async def test_a_delayed_job_is_announced_when_it_is_due_and_not_before(
    announcements: InMemoryAnnouncements, ready_queue: InMemoryReadyQueue, announce: AnnounceDueJobs
) -> None:
    job = a_delayed_job(announcements, 10 * SECOND)

    await announce()
    assert not ready_queue.jobs

    announcements.clock.advance(10 * SECOND)
    await announce()
    assert job.id in ready_queue.jobs


async def test_a_job_that_is_due_before_the_next_look_is_announced_to_the_moment(
    announcements: InMemoryAnnouncements, ready_queue: InMemoryReadyQueue, announce: AnnounceDueJobs
) -> None:
    began = time.monotonic()
    job = a_delayed_job(announcements, SECOND / 4)

    await announce()
    assert not ready_queue.jobs

    await eventually(lambda: job.id in ready_queue.jobs)
    assert 0.25 <= time.monotonic() - began < 1.0


async def test_what_was_handed_over_once_is_not_again_unless_it_got_nowhere(
    announcements: InMemoryAnnouncements, ready_queue: InMemoryReadyQueue, announce: AnnounceDueJobs
) -> None:
    job = a_delayed_job(announcements, SECOND)
    await announce()
    announcements.clock.advance(SECOND / 2)

    await announce()
    assert announce.hand_over.waiting == 1

    announcements.clock.advance(SECOND / 2)
    await announce()
    assert job.id in ready_queue.jobs


async def test_a_clock_that_went_back_delays_no_hand_over(
    announcements: InMemoryAnnouncements, ready_queue: InMemoryReadyQueue, announce: AnnounceDueJobs
) -> None:
    a_delayed_job(announcements, SECOND)
    await announce()

    announcements.clock.advance(-3600 * SECOND)
    a_delayed_job(announcements, SECOND)
    await announce()

    assert announce.hand_over.waiting == 2


async def test_the_mark_stays_where_it_is_while_redis_does_not_answer(
    announcements: InMemoryAnnouncements, ready_queue: InMemoryReadyQueue, announce: AnnounceDueJobs
) -> None:
    job = a_delayed_job(announcements, SECOND)
    announcements.clock.advance(SECOND)
    ready_queue.down = True
    await announce()

    ready_queue.down = False
    await announce()

    assert job.id in ready_queue.jobs


async def test_more_than_a_page_of_the_same_instant_is_announced_page_by_page(
    announcements: InMemoryAnnouncements, ready_queue: InMemoryReadyQueue, announce: AnnounceDueJobs
) -> None:
    for _ in range(2 * PAGE + 1):
        a_delayed_job(announcements, SECOND)
    announcements.clock.advance(SECOND)

    more = [await announce() for _ in range(3)]

    assert more == [True, True, False]
    assert len(ready_queue.jobs) == 2 * PAGE + 1


async def test_a_job_committed_behind_the_mark_is_found_by_looking_back(
    announcements: InMemoryAnnouncements, ready_queue: InMemoryReadyQueue, announce: AnnounceDueJobs
) -> None:
    late = a_delayed_job(announcements, SECOND)
    announcements.jobs.remove(late)
    announcements.clock.advance(5 * SECOND)
    await announce()
    announcements.jobs.append(late)

    await announce()
    assert late.id not in ready_queue.jobs

    await announce.look_back()
    assert late.id in ready_queue.jobs


async def test_only_one_replica_announces_at_a_time(
    announcements: InMemoryAnnouncements, ready_queue: InMemoryReadyQueue, announce: AnnounceDueJobs
) -> None:
    a_delayed_job(announcements, SECOND)
    announcements.clock.advance(SECOND)
    announcements.taken = True

    more = await announce()

    assert not more
    assert not ready_queue.jobs
