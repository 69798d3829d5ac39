"""Who is told of a cancel."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from tests.builders import a_new_job, a_session
from tests.fakes.store_over_memory import StoreOverMemory

from treadle_domain.claimed_run import ClaimBatch, RunReport
from treadle_domain.outcomes import Succeeded

SESSION = a_session()


@pytest.fixture
async def store() -> AsyncIterator[StoreOverMemory]:
    store = StoreOverMemory()
    await store.do.keep_session.open(SESSION)
    async with store.hand_over:
        yield store


async def submitted(store: StoreOverMemory, jobs: int = 1) -> list[UUID]:
    new = [a_new_job() for _ in range(jobs)]
    await store.do.submit_jobs(new)
    return [job.submission.id for job in new]


async def claimed(store: StoreOverMemory, jobs: int = 1) -> list[UUID]:
    ids = await submitted(store, jobs)
    batch = ClaimBatch(
        namespace="default",
        session=SESSION.id,
        claim_id=uuid4(),
        heartbeat_number=0,
        job_ids=tuple(ids),
    )
    await store.do.claim_jobs(batch)
    return ids


async def test_workers_are_told_of_those_that_run_and_of_no_others(store: StoreOverMemory) -> None:
    [waiting], running, [done] = (
        await submitted(store),
        await claimed(store, 2),
        await claimed(store),
    )
    report = RunReport(namespace="default", job_id=done, fence=1, outcome=Succeeded(), result=b"1")
    await store.do.finish_jobs(SESSION.id, [report])

    await store.do.cancel_jobs("default", [waiting, *running, done, uuid4()])

    assert sorted(store.cancel_hints.published) == sorted((job_id, 1) for job_id in running)


async def test_a_repeat_tells_them_again_while_the_job_runs(store: StoreOverMemory) -> None:
    [job_id] = await claimed(store)

    for _ in range(2):
        await store.do.cancel_jobs("default", [job_id])
    report = RunReport(
        namespace="default", job_id=job_id, fence=1, outcome=Succeeded(), result=b"1"
    )
    await store.do.finish_jobs(SESSION.id, [report])
    await store.do.cancel_jobs("default", [job_id])

    assert store.cancel_hints.published == [(job_id, 1)] * 2


async def test_another_namespace_cancels_and_tells_nothing(store: StoreOverMemory) -> None:
    [job_id] = await claimed(store)

    await store.do.cancel_jobs("other", [job_id])

    assert not store.cancel_hints.published
