"""The worker's end of gRPC against the store's own servicer."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from tests.builders import SECOND, a_new_job, a_progress_report
from tests.integration.api.serving_store import ServingStore, blow_up, times, unavailable

from treadle_domain.claimed_run import ClaimBatch, ClaimedRun, ClaimRefusal, RunReport
from treadle_domain.outcomes import Ruling, Succeeded
from treadle_domain.progress import Progress, Recording
from treadle_domain.run_policy import RunOptions
from treadle_domain.states import JobState
from treadle_domain.stored_job import NewJob
from treadle_domain.worker_session import Heartbeat, SessionEnd, WorkerSession
from treadle_wire.store_channel import open_channel
from treadle_worker.adapters.outbound.grpc_job_store import GrpcJobStore
from treadle_worker.application.errors import SessionLost, StoreFailed, StoreUnavailable


@pytest.fixture
async def serving_store() -> AsyncIterator[ServingStore]:
    serving_store = ServingStore()
    async with serving_store.store.hand_over, serving_store.serving():
        yield serving_store


@pytest.fixture
async def store(serving_store: ServingStore) -> AsyncIterator[GrpcJobStore]:
    async with open_channel(serving_store.target) as channel:
        yield GrpcJobStore(channel)


def a_session(*types: str) -> WorkerSession:
    return WorkerSession(
        id=uuid4(),
        worker="worker-1",
        namespaces=("default",),
        queues=("default",),
        handlers=dict.fromkeys(types, RunOptions()),
    )


def a_claim(session: WorkerSession, *jobs: NewJob) -> ClaimBatch:
    return ClaimBatch(
        namespace="default",
        session=session.id,
        claim_id=uuid4(),
        heartbeat_number=0,
        job_ids=tuple(new.submission.id for new in jobs),
    )


def a_beat(session: WorkerSession) -> Heartbeat:
    return Heartbeat(session=session.id, number=1, held={}, open_claims=frozenset())


async def test_a_run_is_claimed_once_and_its_end_recorded_once(
    serving_store: ServingStore, store: GrpcJobStore
) -> None:
    new = a_new_job()
    await serving_store.store.do.submit_jobs([new])
    session = a_session(new.submission.type)
    assert await store.open_session(session) == serving_store.store.lease
    claim = a_claim(session, new)

    [run] = await store.claim(claim)

    assert isinstance(run, ClaimedRun)
    assert run.payload == new.payload
    assert await store.claim(claim) == [run]
    assert await store.claim(a_claim(session, new)) == [ClaimRefusal.GONE]
    report = RunReport(
        namespace="default",
        job_id=run.job_id,
        fence=run.fence,
        outcome=Succeeded(),
        result=b"1",
    )
    assert await store.finish(session.id, [report]) == [(Ruling.APPLIED, JobState.SUCCESS)]
    assert await store.finish(session.id, [report]) == [(Ruling.ALREADY_RECORDED, JobState.SUCCESS)]


async def test_what_a_run_tells_is_recorded_until_it_ends(
    serving_store: ServingStore, store: GrpcJobStore
) -> None:
    new, session = a_new_job(type="echo"), a_session("echo")
    await serving_store.store.do.submit_jobs([new])
    await store.open_session(session)
    await store.claim(a_claim(session, new))
    job_id, progress = new.submission.id, Progress(fraction=0.5, note="half")
    reports = [
        a_progress_report(job_id, number=9, progress=progress, checkpoint=b"1"),
        a_progress_report(uuid4(), progress=progress),
    ]

    recordings = await store.record_progress(session.id, reports)

    assert recordings == [Recording.RECORDED, Recording.STALE]
    assert serving_store.store.progress.progress == {job_id: (1, 9, progress)}
    assert serving_store.store.progress.states == {job_id: (1, 9, b"1")}


async def test_progress_that_breaks_a_bound_is_a_failure_that_ends_nothing(
    store: GrpcJobStore,
) -> None:
    with pytest.raises(StoreFailed):
        await store.record_progress(uuid4(), [a_progress_report(uuid4())] * 1_001)


async def test_a_heartbeat_of_a_closed_session_is_refused(store: GrpcJobStore) -> None:
    session = a_session()
    await store.open_session(session)
    await store.heartbeat(a_beat(session), SECOND)

    await store.close_session(session.id, SessionEnd.DRAINED)

    with pytest.raises(SessionLost):
        await store.heartbeat(a_beat(session), SECOND)


async def test_a_claim_without_a_session_is_refused(store: GrpcJobStore) -> None:
    with pytest.raises(SessionLost):
        await store.claim(a_claim(a_session(), a_new_job()))


@pytest.mark.parametrize("fault", [unavailable, blow_up])
async def test_a_store_that_fails_is_away_and_back_at_the_next_call(
    serving_store: ServingStore, store: GrpcJobStore, fault: object
) -> None:
    session = a_session()
    await store.open_session(session)
    serving_store.faults.before = times(1, fault)  # type: ignore[arg-type]

    with pytest.raises(StoreUnavailable):
        await store.heartbeat(a_beat(session), SECOND)

    await store.heartbeat(a_beat(session), SECOND)
