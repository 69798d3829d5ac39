from collections.abc import Sequence
from uuid import uuid4

from tests.builders import a_new_job, a_session
from tests.fakes.store_over_memory import StoreOverMemory

from treadle_domain.claimed_run import ClaimBatch, ClaimedRun
from treadle_domain.job import Job
from treadle_domain.states import JobState
from treadle_domain.stored_job import StoredJob


async def test_a_retry_is_answered_with_the_job_as_it_made_it_however_fast_workers_are() -> None:
    store, session, new = StoreOverMemory(), a_session(), a_new_job()
    await store.do.keep_session.open(session)
    await store.do.submit_jobs([new])
    job_id = new.submission.id
    await store.do.cancel_jobs("default", [job_id])
    runs = list[object]()

    async def claim_at_once(jobs: Sequence[Job]) -> bool:
        batch = ClaimBatch(
            namespace="default",
            session=session.id,
            claim_id=uuid4(),
            heartbeat_number=1,
            job_ids=tuple(job.id for job in jobs),
        )
        runs.extend(await store.do.claim_jobs(batch))
        return True

    store.ready_queue.add = claim_at_once  # type: ignore[method-assign]
    async with store.hand_over:
        [answer] = await store.do.retry_jobs("default", [job_id])

    assert isinstance(answer, StoredJob)
    assert answer.job.state is JobState.PENDING
    [run] = runs
    assert isinstance(run, ClaimedRun)
