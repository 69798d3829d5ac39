"""What every JobRepository promises of lists, asked of the fake and of PostgreSQL."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from tests.builders import NOW, SECOND, a_stored_job, running
from tests.contract.changes import (
    a_change,
    added,
    ended_at,
    failed,
    failed_for_good,
    put,
    succeeded,
)

from treadle_domain.job import Job
from treadle_domain.states import JobState
from treadle_domain.stored_job import JobQuery
from treadle_store.application.ports import JobRepository


async def test_pages_show_each_job_once_newest_first_also_those_of_the_same_instant(
    jobs: JobRepository,
) -> None:
    same_instant = [a_stored_job() for _ in range(5)]
    newer = [a_stored_job(now=NOW + SECOND) for _ in range(2)]
    await added(jobs, *newer, *same_instant)
    await put(jobs, a_stored_job(now=NOW - SECOND), running, succeeded)

    seen: list[Job] = []
    query = JobQuery(namespace="default", limit=3)
    while True:
        page = await jobs.page(query)
        seen += page.jobs
        if page.next is None:
            break
        query = replace(query, after=page.next)

    assert len(seen) == 8
    assert seen == sorted(seen, key=lambda job: (job.created_at, job.id), reverse=True)


async def ids(jobs: JobRepository, **filters: Any) -> set[UUID]:
    page = await jobs.page(JobQuery(namespace="default", **filters))
    return {job.id for job in page.jobs}


async def test_lists_are_filtered_by_state_queue_type_and_metadata(jobs: JobRepository) -> None:
    plain = await put(jobs, a_stored_job())
    mail = await put(jobs, a_stored_job(queue="mail", type="send", metadata={"to": "a", "x": "y"}))
    done = await put(jobs, a_stored_job(queue="mail"), running, succeeded)
    live = await put(jobs, a_stored_job(), running)

    assert await ids(jobs, states=frozenset({JobState.PENDING})) == {plain.id, mail.id}
    assert await ids(jobs, states=frozenset({JobState.RUNNING})) == {live.id}
    assert await ids(jobs, states=frozenset({JobState.RUNNING}), queue="mail") == set()
    running_or_done = frozenset({JobState.SUCCESS, JobState.RUNNING})
    assert await ids(jobs, states=running_or_done) == {done.id, live.id}
    assert await ids(jobs, queue="mail") == {mail.id, done.id}
    assert await ids(jobs, type="send") == {mail.id}
    assert await ids(jobs, metadata={"to": "a"}) == {mail.id}
    assert await ids(jobs, metadata={"to": "a", "x": "y"}) == {mail.id}
    assert await ids(jobs, metadata={"to": "a", "x": "z"}) == set()
    assert await ids(jobs, metadata={"to": "b"}) == set()
    assert await ids(jobs, queue="mail", states=frozenset({JobState.SUCCESS})) == {done.id}


async def test_a_range_of_times_has_its_beginning_and_not_its_end(jobs: JobRepository) -> None:
    first, second, third = [
        await put(jobs, a_stored_job(now=NOW + n * SECOND), running, ended_at(NOW + 2 * n * SECOND))
        for n in (1, 2, 3)
    ]
    waiting = await put(jobs, a_stored_job(now=NOW + 2 * SECOND))

    from_two, before_three = NOW + 2 * SECOND, NOW + 3 * SECOND
    assert await ids(jobs, created_after=from_two) == {second.id, third.id, waiting.id}
    assert await ids(jobs, created_before=from_two) == {first.id}
    assert await ids(jobs, created_after=from_two, created_before=before_three) == {
        second.id,
        waiting.id,
    }
    assert await ids(jobs, created_after=before_three, created_before=from_two) == set()
    assert await ids(jobs, finished_after=NOW + 4 * SECOND) == {second.id, third.id}
    assert await ids(jobs, finished_before=NOW + 4 * SECOND) == {first.id}
    assert await ids(
        jobs, finished_after=from_two, finished_before=NOW + 6 * SECOND, queue="default"
    ) == {first.id, second.id}
    pending = frozenset({JobState.PENDING})
    assert await ids(jobs, finished_before=NOW + 9 * SECOND, states=pending) == set()


async def test_lists_find_what_needed_more_attempts_than_one(jobs: JobRepository) -> None:
    again = [running, failed, running]
    fresh = await put(jobs, a_stored_job())
    once = await put(jobs, a_stored_job(), running, succeeded)
    second_run = await put(jobs, a_stored_job(), *again)
    second_end = await put(jobs, a_stored_job(), *again, succeeded)

    assert await ids(jobs, attempt_above=1) == {second_run.id, second_end.id}
    assert await ids(jobs, attempt_above=0) == {once.id, second_run.id, second_end.id}
    assert fresh.id not in await ids(jobs, attempt_above=0)
    assert await ids(jobs, attempt_above=2) == set()


async def test_a_job_that_got_a_new_life_has_its_old_place(jobs: JobRepository) -> None:
    old = await put(jobs, a_stored_job(), running, failed_for_good)
    new = await put(jobs, a_stored_job(now=NOW + SECOND))
    after = old.retry(NOW + 2 * SECOND)
    assert not await jobs.save([a_change(old, after)])

    listed = (await jobs.page(JobQuery(namespace="default"))).jobs

    assert [job.id for job in listed] == [new.id, old.id]
    assert await ids(jobs, finished_after=NOW) == set()


async def test_another_namespace_is_not_seen(jobs: JobRepository) -> None:
    await put(jobs, a_stored_job(namespace="other", queue="q"), running, succeeded)
    await put(jobs, a_stored_job(namespace="other", queue="q"), running)
    await put(jobs, a_stored_job(namespace="other", queue="q"))

    for filters in (
        {},
        {"queue": "q"},
        {"states": frozenset({JobState.RUNNING})},
        {"finished_after": NOW},
    ):
        assert await ids(jobs, **filters) == set()
