"""Cancels against the ends of runs, on real PostgreSQL and two replicas: the answer always matches the end."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack
from random import Random
from uuid import UUID, uuid4

import pytest
from tests.builders import SECOND, a_failure, a_new_job, a_session
from tests.fakes.store_over_postgres import StoreOverPostgres

from treadle_domain.claimed_run import ClaimBatch, RunReport
from treadle_domain.errors import DomainError, TransitionRefused
from treadle_domain.job_error import ErrorKind
from treadle_domain.outcomes import Outcome, Released, Snoozed, Succeeded
from treadle_domain.states import JobState
from treadle_domain.stored_job import StoredJob
from treadle_store.adapters.outbound.postgres.database import Database

RACES = 1_000
AT_ONCE = 100
IN_A_CALL = 4
ENDS: Sequence[Outcome] = (
    Succeeded(),
    Succeeded(),
    a_failure(ErrorKind.PERMANENT),
    Released(),
    Snoozed(delay=3_600 * SECOND),
)
SESSION = a_session()


@pytest.fixture
async def replicas(migrated_database_url: str) -> AsyncIterator[list[StoreOverPostgres]]:
    async with AsyncExitStack() as stack:
        replicas = []
        for _ in range(2):
            database = Database(migrated_database_url, pool_size=4)
            stack.push_async_callback(database.close)
            replicas.append(StoreOverPostgres(database))
            await stack.enter_async_context(replicas[-1].hand_over)
        await replicas[0].do.keep_session.open(SESSION)
        yield replicas


async def running(store: StoreOverPostgres) -> list[UUID]:
    jobs = [a_new_job() for _ in range(AT_ONCE)]
    await store.do.submit_jobs(jobs)
    ids = tuple(new.submission.id for new in jobs)
    claim = ClaimBatch(
        namespace="default", session=SESSION.id, claim_id=uuid4(), heartbeat_number=0, job_ids=ids
    )
    await store.do.claim_jobs(claim)
    return [*ids]


def a_report(job_id: UUID, outcome: Outcome) -> RunReport:
    result = b"1" if isinstance(outcome, Succeeded) else None
    return RunReport(namespace="default", job_id=job_id, fence=1, outcome=outcome, result=result)


def batches(ids: Sequence[UUID], chance: Random) -> list[list[UUID]]:
    shuffled = chance.sample(ids, len(ids))
    return [shuffled[n : n + IN_A_CALL] for n in range(0, len(ids), IN_A_CALL)]


async def raced(
    replicas: Sequence[StoreOverPostgres], ids: Sequence[UUID], chance: Random
) -> dict[UUID, StoredJob | DomainError]:
    """Each job is cancelled by one call and ended by another, in an order left to chance."""
    answers: dict[UUID, StoredJob | DomainError] = {}
    # No more than the replicas have connections: who waits too long for one is refused.
    at_once = asyncio.Semaphore(8)

    async def one_of_some(call: Coroutine[None, None, None]) -> None:
        async with at_once:
            await call

    async def cancel(batch: Sequence[UUID]) -> None:
        told = await chance.choice(replicas).do.cancel_jobs("default", batch)
        answers.update(zip(batch, told, strict=True))

    async def finish(batch: Sequence[UUID]) -> None:
        reports = [a_report(job_id, chance.choice(ENDS)) for job_id in batch]
        await chance.choice(replicas).do.finish_jobs(SESSION.id, reports)

    calls = [cancel(batch) for batch in batches(ids, chance)]
    calls += [finish(batch) for batch in batches(ids, chance)]
    chance.shuffle(calls)
    async with asyncio.TaskGroup() as group:
        for call in calls:
            group.create_task(one_of_some(call))
    return answers


async def test_a_thousand_cancels_race_with_ends(replicas: list[StoreOverPostgres]) -> None:
    chance, seen = Random(3), Counter[str]()

    for _ in range(RACES // AT_ONCE):
        ids = await running(replicas[0])
        answers = await raced(replicas, ids, chance)
        ends = await replicas[0].jobs.find("default", ids)
        for job_id, answer in answers.items():
            end = ends[job_id].state
            if isinstance(answer, StoredJob):
                assert end is JobState.CANCELLED
                seen[f"200 while {answer.job.state}"] += 1
            else:
                assert isinstance(answer, TransitionRefused)
                assert end is answer.state
                seen[f"409 {end}"] += 1

    assert seen.total() == RACES
    outcomes = {"200 while RUNNING", "200 while CANCELLED", "409 SUCCESS", "409 FAILED"}
    assert outcomes == seen.keys()
    assert min(seen.values()) >= 10, seen
