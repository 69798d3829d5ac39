"""What every JobRepository promises of lists, asked of the fake and of PostgreSQL."""

from dataclasses import replace

from tests.builders import NOW, SECOND, a_stored_job, running
from tests.contract.changes import added, put, succeeded

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


async def test_lists_are_filtered_by_state_queue_type_and_metadata(jobs: JobRepository) -> None:
    plain = await put(jobs, a_stored_job())
    mail = await put(jobs, a_stored_job(queue="mail", type="send", metadata={"to": "a", "x": "y"}))
    done = await put(jobs, a_stored_job(queue="mail"), running, succeeded)
    live = await put(jobs, a_stored_job(), running)

    async def ids(**filters: object) -> set[object]:
        query = replace(JobQuery(namespace="default"), **filters)  # type: ignore[arg-type]
        return {job.id for job in (await jobs.page(query)).jobs}

    assert await ids(states=frozenset({JobState.PENDING})) == {plain.id, mail.id}
    assert await ids(states=frozenset({JobState.SUCCESS, JobState.RUNNING})) == {done.id, live.id}
    assert await ids(queue="mail") == {mail.id, done.id}
    assert await ids(type="send") == {mail.id}
    assert await ids(metadata={"to": "a"}) == {mail.id}
    assert await ids(metadata={"to": "b"}) == set()
    assert await ids(queue="mail", states=frozenset({JobState.SUCCESS})) == {done.id}
