"""Two replicas that get the same call at the same time: a worker repeats elsewhere what hangs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import uuid4

import pytest
from tests.builders import a_new_job, a_session
from tests.fakes.store_over_postgres import StoreOverPostgres

from treadle_domain.claimed_run import ClaimBatch, ClaimedRun, RunReport
from treadle_domain.outcomes import Ruling, Succeeded
from treadle_domain.states import JobState
from treadle_domain.worker_session import WorkerSession
from treadle_store.adapters.outbound.postgres.database import Database

ROUNDS = 20


@pytest.fixture
async def replicas(migrated_database_url: str) -> AsyncIterator[list[StoreOverPostgres]]:
    async with AsyncExitStack() as stack:
        replicas = []
        for _ in range(2):
            database = Database(migrated_database_url, pool_size=2)
            stack.push_async_callback(database.close)
            replicas.append(StoreOverPostgres(database))
            await stack.enter_async_context(replicas[-1].hand_over)
        yield replicas


async def a_claim(store: StoreOverPostgres, session: WorkerSession) -> ClaimBatch:
    """Of jobs that were just submitted."""
    jobs = [a_new_job(type="echo") for _ in range(10)]
    await store.do.submit_jobs(jobs)
    return ClaimBatch(
        namespace="default",
        session=session.id,
        claim_id=uuid4(),
        heartbeat_number=0,
        job_ids=tuple(new.submission.id for new in jobs),
    )


async def test_a_claim_is_granted_once_and_both_say_the_same(
    replicas: list[StoreOverPostgres],
) -> None:
    session = a_session("echo")
    async with asyncio.TaskGroup() as group:
        for replica in replicas:
            group.create_task(replica.do.keep_session.open(session))

    for _ in range(ROUNDS):
        claim = await a_claim(replicas[0], session)
        async with asyncio.TaskGroup() as group:
            claims = [group.create_task(replica.do.claim_jobs(claim)) for replica in replicas]

        first, second = (claim.result() for claim in claims)
        assert first == second
        assert [run.fence for run in first if isinstance(run, ClaimedRun)] == [1] * 10


async def test_an_end_is_applied_once_and_both_take_it(replicas: list[StoreOverPostgres]) -> None:
    session = a_session("echo")
    await replicas[0].do.keep_session.open(session)

    for _ in range(ROUNDS):
        claim = await a_claim(replicas[0], session)
        await replicas[0].do.claim_jobs(claim)
        reports = [
            RunReport(namespace="default", job_id=job_id, fence=1, outcome=Succeeded(), result=b"1")
            for job_id in claim.job_ids
        ]
        async with asyncio.TaskGroup() as group:
            ends = [
                group.create_task(replica.do.finish_jobs(session.id, reports))
                for replica in replicas
            ]

        for both in zip(*(end.result() for end in ends), strict=True):
            assert sorted(both) == [
                (Ruling.ALREADY_RECORDED, JobState.SUCCESS),
                (Ruling.APPLIED, JobState.SUCCESS),
            ]
