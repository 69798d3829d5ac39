"""Jobs come back from workers that went silent, drained, or never learned that they had them."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from tests.builders import SECOND, a_new_job, a_session
from tests.fakes.store_over_memory import StoreOverMemory

from treadle_domain.claimed_run import ClaimBatch, ClaimedRun, RunReport
from treadle_domain.errors import SessionNotOpen
from treadle_domain.job import Job
from treadle_domain.job_error import ErrorKind
from treadle_domain.outcomes import Ruling, Succeeded
from treadle_domain.seats import FreeSeats, Seats
from treadle_domain.states import JobState
from treadle_domain.worker_session import Heartbeat, SessionEnd, WorkerSession
from treadle_store.application.ports import Happening


@pytest.fixture
def store() -> StoreOverMemory:
    return StoreOverMemory()


async def a_worker(store: StoreOverMemory) -> WorkerSession:
    session = a_session()
    await store.do.keep_session.open(session)
    return session


async def a_run(
    store: StoreOverMemory, worker: WorkerSession, job_id: UUID | None = None, beats: int = 0
) -> tuple[ClaimedRun, ClaimBatch]:
    if job_id is None:
        new = a_new_job()
        await store.do.submit_jobs([new])
        job_id = new.submission.id
    batch = ClaimBatch(
        namespace="default",
        session=worker.id,
        claim_id=uuid4(),
        heartbeat_number=beats,
        job_ids=(job_id,),
    )
    [run] = await store.do.claim_jobs(batch)
    assert isinstance(run, ClaimedRun)
    return run, batch


async def job_of(store: StoreOverMemory, run: ClaimedRun) -> Job:
    return (await store.jobs.find_anywhere([run.job_id]))[run.job_id]


async def stay_up(store: StoreOverMemory, time: timedelta) -> None:
    for _ in range(int(time / SECOND)):
        store.clock.advance(SECOND)
        await store.reclaim_lost_jobs()


def a_beat(
    worker: WorkerSession, number: int, *runs: ClaimedRun, claims: tuple[UUID, ...] = ()
) -> Heartbeat:
    return Heartbeat(
        session=worker.id,
        number=number,
        held={run.job_id: run.fence for run in runs},
        open_claims=frozenset(claims),
    )


def a_success(run: ClaimedRun) -> RunReport:
    return RunReport(
        namespace="default", job_id=run.job_id, fence=run.fence, outcome=Succeeded(), result=b"1"
    )


async def test_a_silent_workers_job_is_pending_again_in_its_place_and_costs_no_attempt(
    store: StoreOverMemory,
) -> None:
    run, _ = await a_run(store, await a_worker(store))
    rank = (await job_of(store, run)).rank
    store.ready_queue.jobs.clear()

    await stay_up(store, store.lease + 2 * SECOND)

    job = await job_of(store, run)
    assert (job.state, job.losses, job.attempt, job.rank) == (JobState.PENDING, 1, 0, rank)
    assert [*store.ready_queue.jobs] == [run.job_id]
    assert store.tally.counts[Happening.RUN_LOST] == 1


async def test_a_worker_that_wakes_up_after_its_lease_changes_nothing(
    store: StoreOverMemory,
) -> None:
    frozen, other = await a_worker(store), await a_worker(store)
    run, _ = await a_run(store, frozen)
    for number in range(1, 8):
        await stay_up(store, store.lease / 6)
        await store.do.keep_session.heartbeat(a_beat(other, number))
    again, _ = await a_run(store, other, run.job_id, beats=7)

    verdicts = await store.do.finish_jobs(frozen.id, [a_success(run)])

    assert verdicts == [(Ruling.STALE, None)]
    assert (await job_of(store, again)).state is JobState.RUNNING
    assert store.tally.counts[Happening.STALE_OUTCOME] == 1
    with pytest.raises(SessionNotOpen):
        await store.do.keep_session.heartbeat(a_beat(frozen, 1, run))


async def test_a_late_report_before_the_next_claim_is_stale_too(store: StoreOverMemory) -> None:
    worker = await a_worker(store)
    run, _ = await a_run(store, worker)
    await stay_up(store, store.lease + 2 * SECOND)

    verdicts = await store.do.finish_jobs(worker.id, [a_success(run)])

    assert verdicts == [(Ruling.STALE, None)]
    assert (await job_of(store, run)).state is JobState.PENDING


async def test_the_third_loss_is_the_last(store: StoreOverMemory) -> None:
    run, _ = await a_run(store, await a_worker(store))
    await stay_up(store, store.lease + 2 * SECOND)
    for _ in range(2):
        await a_run(store, await a_worker(store), run.job_id)
        await stay_up(store, store.lease + 2 * SECOND)

    job = await job_of(store, run)
    assert job.error is not None
    assert (job.state, job.error.kind, job.losses) == (JobState.FAILED, ErrorKind.LOST, 3)


async def test_what_a_drained_session_held_was_interrupted(store: StoreOverMemory) -> None:
    worker = await a_worker(store)
    run, _ = await a_run(store, worker)

    await store.do.keep_session.close(worker.id, SessionEnd.DRAINED)
    await store.reclaim_lost_jobs()

    job = await job_of(store, run)
    assert (job.state, job.interruptions, job.losses) == (JobState.PENDING, 1, 0)


async def test_a_hold_without_its_job_is_dropped(store: StoreOverMemory) -> None:
    worker = await a_worker(store)
    run, _ = await a_run(store, worker)
    store.jobs.vanish(run.job_id)

    await store.do.keep_session.close(worker.id, SessionEnd.KILLED)
    await store.reclaim_lost_jobs()

    assert not store.jobs.held


async def test_what_a_deadly_neighbour_took_down_twice_is_risked_no_more_than_there_are_seats(
    store: StoreOverMemory,
) -> None:
    """A job that kills each worker fails few of the many that were claimed ahead beside it."""
    new = [a_new_job() for _ in range(20)]
    await store.do.submit_jobs(new)
    granted = []
    async with store.hand_over:
        for _ in range(3):
            worker = await a_worker(store)
            batch = ClaimBatch(
                namespace="default",
                session=worker.id,
                claim_id=uuid4(),
                heartbeat_number=0,
                job_ids=tuple(job.submission.id for job in new),
                seats=FreeSeats(alone=Seats(free=2)),
            )
            answers = await store.do.claim_jobs(batch)
            granted.append(sum(isinstance(answer, ClaimedRun) for answer in answers))

            await store.do.keep_session.close(worker.id, SessionEnd.KILLED)
            await store.reclaim_lost_jobs()

    jobs = (await store.jobs.find_anywhere([job.submission.id for job in new])).values()
    assert granted == [20, 20, 2]
    assert sum(job.state is JobState.FAILED for job in jobs) == 2


async def test_a_claim_whose_answer_was_lost_comes_back_uncharged(store: StoreOverMemory) -> None:
    worker = await a_worker(store)
    run, _ = await a_run(store, worker)
    store.ready_queue.jobs.clear()

    await store.do.keep_session.heartbeat(a_beat(worker, 1))

    job = await job_of(store, run)
    assert (job.state, job.interruptions, job.attempt) == (JobState.PENDING, 1, 0)
    assert [*store.ready_queue.jobs] == [run.job_id]


async def test_what_the_worker_knows_stays_its_own(store: StoreOverMemory) -> None:
    worker = await a_worker(store)
    known, _ = await a_run(store, worker)
    waiting, its_claim = await a_run(store, worker)
    newer, _ = await a_run(store, worker, beats=1)

    await store.do.keep_session.heartbeat(a_beat(worker, 1, known, claims=(its_claim.claim_id,)))

    for run in (known, waiting, newer):
        assert (await job_of(store, run)).state is JobState.RUNNING


async def test_a_heartbeat_that_comes_late_takes_nothing_back(store: StoreOverMemory) -> None:
    worker = await a_worker(store)
    run, _ = await a_run(store, worker)
    await store.do.keep_session.heartbeat(a_beat(worker, 2, run))

    await store.do.keep_session.heartbeat(a_beat(worker, 1))

    assert (await job_of(store, run)).state is JobState.RUNNING


async def test_a_job_expires_without_any_worker(store: StoreOverMemory) -> None:
    new = a_new_job(expires_at=store.clock.time + SECOND)
    await store.do.submit_jobs([new])
    store.clock.advance(2 * SECOND)

    await store.expire_jobs()

    job = (await store.jobs.find_anywhere([new.submission.id]))[new.submission.id]
    assert job.error is not None
    assert (job.state, job.error.kind) == (JobState.FAILED, ErrorKind.EXPIRED)
