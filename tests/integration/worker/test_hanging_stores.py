"""Two stores, of which one hangs: what it costs a worker, and what a call does that arrives after its repeat."""

import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import pytest
from tests.builders import SECOND, a_new_job, a_session
from tests.integration.api.serving_store import TwoStores, hang, times, two_serving_stores

from treadle_domain.claimed_run import ClaimBatch, ClaimedRun, ClaimRefusal, RunReport
from treadle_domain.job import Job
from treadle_domain.outcomes import Outcome, Released, Ruling, Succeeded
from treadle_domain.states import JobState
from treadle_domain.stored_job import NewJob
from treadle_domain.worker_session import Heartbeat, SessionEnd, WorkerSession
from treadle_wire.store_channel import open_channel
from treadle_worker.adapters.outbound.grpc_job_store import GrpcJobStore
from treadle_worker.application.errors import SessionLost

SHORT_LEASE = timedelta(seconds=5)
BEAT = SHORT_LEASE / 6


@dataclass
class Scene:
    """A worker's session, and a job that it may claim."""

    two: TwoStores
    store: GrpcJobStore
    session: WorkerSession
    new: NewJob

    def claim(self) -> ClaimBatch:
        return ClaimBatch(
            namespace="default",
            session=self.session.id,
            claim_id=uuid4(),
            heartbeat_number=0,
            job_ids=(self.new.submission.id,),
        )

    def beat(self, number: int, held: Iterable[ClaimedRun] = ()) -> Heartbeat:
        told = {run.job_id: run.fence for run in held}
        return Heartbeat(session=self.session.id, number=number, held=told, open_claims=frozenset())

    async def claimed(self, claim: ClaimBatch) -> ClaimedRun:
        [run] = await self.store.claim(claim)
        assert isinstance(run, ClaimedRun)
        return run

    async def finished(self, run: ClaimedRun, outcome: Outcome) -> Ruling:
        report = RunReport(
            namespace="default",
            job_id=run.job_id,
            fence=run.fence,
            outcome=outcome,
            result=b"1" if isinstance(outcome, Succeeded) else None,
        )
        [verdict] = await self.store.finish(self.session.id, [report])
        return verdict.ruling

    async def job(self) -> Job:
        job_id = self.new.submission.id
        return (await self.two.memory.jobs.find("default", [job_id]))[job_id]

    def all_hang_once(self) -> None:
        for store in self.two.stores:
            store.faults.before = times(1, hang)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    new = a_new_job()
    session = a_session(new.submission.type)
    async with two_serving_stores() as two, open_channel(two.target) as channel:
        await two.memory.do.submit_jobs([new])
        store = GrpcJobStore(channel)
        for _ in two.stores:
            await store.open_session(session)
        yield Scene(two, store, session, new)


async def test_a_frozen_store_costs_each_call_that_meets_it_a_second(scene: Scene) -> None:
    scene.two.doors[0].blackhole()
    began = time.monotonic()

    await scene.store.open_session(scene.session)
    run = await scene.claimed(scene.claim())
    assert await scene.finished(run, Succeeded()) is Ruling.APPLIED
    await scene.store.close_session(scene.session.id, SessionEnd.DRAINED)

    assert time.monotonic() - began < 4.5
    assert (await scene.job()).state is JobState.SUCCESS


async def test_no_heartbeat_of_a_short_lease_fails_because_one_store_is_frozen(
    scene: Scene,
) -> None:
    scene.two.doors[0].blackhole()

    for number in range(1, 7):
        began = time.monotonic()
        await scene.store.heartbeat(scene.beat(number), within=BEAT)
        assert time.monotonic() - began < BEAT.total_seconds()


async def test_a_call_that_hangs_once_in_each_store_is_answered_all_the_same(scene: Scene) -> None:
    scene.all_hang_once()

    run = await scene.claimed(scene.claim())

    assert run.fence == 1


async def test_a_session_that_is_opened_late_once_more_stays_closed(scene: Scene) -> None:
    await scene.store.close_session(scene.session.id, SessionEnd.DRAINED)

    await scene.store.open_session(scene.session)

    with pytest.raises(SessionLost):
        await scene.store.claim(scene.claim())


async def test_a_claim_that_arrives_after_its_run_has_ended_gets_nothing(scene: Scene) -> None:
    claim = scene.claim()
    await scene.finished(await scene.claimed(claim), Succeeded())

    assert await scene.store.claim(claim) == [ClaimRefusal.GONE]


async def test_a_job_that_a_late_claim_takes_unheard_comes_back_with_the_next_heartbeat(
    scene: Scene,
) -> None:
    claim = scene.claim()
    first = await scene.claimed(claim)
    await scene.finished(first, Released())
    unheard = await scene.claimed(claim)
    assert unheard.fence == first.fence + 1

    await scene.store.heartbeat(scene.beat(1), within=SECOND)

    assert (await scene.job()).state is JobState.PENDING
    assert await scene.finished(unheard, Succeeded()) is not Ruling.APPLIED
    assert (await scene.claimed(scene.claim())).attempt == first.attempt


async def test_a_heartbeat_that_its_successor_overtook_gives_nothing_away(scene: Scene) -> None:
    run = await scene.claimed(scene.claim())
    lease = await scene.store.heartbeat(scene.beat(2, held=[run]), within=SECOND)

    late = await scene.store.heartbeat(scene.beat(1), within=SECOND)

    assert late.expires_at == lease.expires_at
    assert await scene.finished(run, Succeeded()) is Ruling.APPLIED
