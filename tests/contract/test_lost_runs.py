"""What every LostRuns and ExpiringJobs promises, asked of the fakes and of PostgreSQL."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from tests.builders import NOW, SECOND, a_session, a_stored_job, running
from tests.contract.changes import a_change, a_hold, added, put
from tests.fakes.in_memory_job_ends import InMemoryJobEnds
from tests.fakes.in_memory_store import (
    InMemoryClock,
    InMemoryExpiringJobs,
    InMemoryJobRepository,
    InMemoryLostRuns,
    InMemorySessionRepository,
)

from treadle_domain.job import Job
from treadle_domain.worker_session import SessionEnd
from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.expiring_jobs import PostgresExpiringJobs
from treadle_store.adapters.outbound.postgres.job_repository import PostgresJobRepository
from treadle_store.adapters.outbound.postgres.lost_runs import PostgresLostRuns
from treadle_store.adapters.outbound.postgres.session_repository import PostgresSessionRepository
from treadle_store.application.ports import (
    ExpiringJobs,
    JobRepository,
    LostRuns,
    SessionRepository,
    VoidRun,
)

LEASE = 30 * SECOND


@dataclass
class Parts:
    """`pass_time` leaves the up clock where it is but for two seconds; `tick` follows it."""

    lost_runs: LostRuns
    expiring: ExpiringJobs
    jobs: JobRepository
    sessions: SessionRepository
    pass_time: Callable[[timedelta], Awaitable[None]]

    async def stay_up(self, time: timedelta) -> None:
        """By ticks of two seconds, the most that one counts: what the test itself takes adds nothing."""
        for _ in range(int(time / (2 * SECOND))):
            await self.pass_time(2 * SECOND)
            await self.lost_runs.take_stock(1)

    async def run_of(self, session: UUID) -> Job:
        stored = a_stored_job()
        await added(self.jobs, stored)
        job = running(stored.job, session=session)
        await self.jobs.save([a_change(stored.job, job, hold=a_hold())])
        return job


@pytest.fixture(params=["in memory", "PostgreSQL"])
async def parts(request: pytest.FixtureRequest) -> AsyncIterator[Parts]:
    if request.param == "in memory":
        yield _in_memory()
        return
    database = Database(request.getfixturevalue("migrated_database_url"), pool_size=2)
    yield _in_postgres(database)
    await database.close()


def _in_memory() -> Parts:
    clock, jobs = InMemoryClock(), InMemoryJobRepository()
    sessions = InMemorySessionRepository(clock)

    async def pass_time(time: timedelta) -> None:
        clock.advance(time)

    lost_runs = InMemoryLostRuns(jobs, sessions, clock)
    return Parts(lost_runs, InMemoryExpiringJobs(jobs, clock), jobs, sessions, pass_time)


def _in_postgres(database: Database) -> Parts:
    """Its clock cannot be set: what it has noted is set back instead."""

    async def pass_time(time: timedelta) -> None:
        async with database.transaction() as connection:
            back = text("UPDATE uptime SET ticked_at = ticked_at - CAST(:time AS interval)")
            await connection.execute(back, {"time": time})

    return Parts(
        PostgresLostRuns(database),
        PostgresExpiringJobs(database),
        PostgresJobRepository(database, InMemoryJobEnds()),
        PostgresSessionRepository(database),
        pass_time,
    )


async def test_runs_of_an_open_session_are_not_lost(parts: Parts) -> None:
    session = a_session()
    await parts.sessions.open(session, LEASE)
    await parts.run_of(session.id)

    await parts.stay_up(LEASE - 6 * SECOND)

    assert not (await parts.lost_runs.take_stock(10)).runs


async def test_a_session_whose_lease_ended_is_closed_for_good_and_its_runs_are_lost(
    parts: Parts,
) -> None:
    session = a_session()
    await parts.sessions.open(session, LEASE)
    job = await parts.run_of(session.id)

    await parts.stay_up(LEASE + 4 * SECOND)

    lost = VoidRun(job_id=job.id, session=session.id, fence=job.fence, is_lost=True)
    assert (await parts.lost_runs.take_stock(10)).runs == [lost]
    await parts.sessions.close(session.id, SessionEnd.DRAINED)
    assert (await parts.lost_runs.take_stock(10)).runs == [lost]


async def test_a_heartbeat_keeps_the_session_for_another_lease(parts: Parts) -> None:
    session = a_session()
    await parts.sessions.open(session, LEASE)
    await parts.run_of(session.id)

    await parts.stay_up(LEASE - 6 * SECOND)
    await parts.sessions.extend(session.id, 1, LEASE)
    await parts.stay_up(LEASE - 6 * SECOND)

    assert not (await parts.lost_runs.take_stock(10)).runs


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(hours=-1)])
async def test_no_outage_and_no_jump_of_the_clock_costs_a_session(
    parts: Parts, jump: timedelta
) -> None:
    session = a_session()
    await parts.sessions.open(session, LEASE)
    await parts.run_of(session.id)

    await parts.pass_time(jump)
    stock = await parts.lost_runs.take_stock(10)

    assert (stock.sessions_closed, [*stock.runs]) == (0, [])


async def test_a_session_that_drained_lost_nothing_but_gives_back(parts: Parts) -> None:
    session = a_session()
    await parts.sessions.open(session, LEASE)
    await parts.run_of(session.id)

    await parts.sessions.close(session.id, SessionEnd.DRAINED)

    assert [run.is_lost for run in (await parts.lost_runs.take_stock(10)).runs] == [False]


async def test_a_claim_that_came_after_the_close_is_found_as_well(parts: Parts) -> None:
    session = a_session()
    await parts.sessions.open(session, LEASE)
    await parts.sessions.close(session.id, SessionEnd.KILLED)
    await parts.lost_runs.take_stock(10)

    late = await parts.run_of(session.id)
    of_nobody = await parts.run_of(uuid4())

    runs = (await parts.lost_runs.take_stock(10)).runs
    assert {(run.job_id, run.is_lost) for run in runs} == {(late.id, True), (of_nobody.id, True)}


async def test_no_more_than_asked_for_are_found_at_once(parts: Parts) -> None:
    for _ in range(3):
        await parts.run_of(uuid4())

    assert len((await parts.lost_runs.take_stock(2)).runs) == 2


async def test_a_hold_that_is_dropped_is_not_found_again(parts: Parts) -> None:
    await parts.run_of(uuid4())
    runs = (await parts.lost_runs.take_stock(10)).runs

    await parts.jobs.drop_holds(runs)

    assert not (await parts.lost_runs.take_stock(10)).runs


async def test_only_jobs_that_never_started_expire(parts: Parts) -> None:
    past, before = NOW - timedelta(days=1), NOW - timedelta(days=2)
    due = a_stored_job(expires_at=past, now=before)
    started = a_stored_job(expires_at=past, now=before)
    later = a_stored_job(expires_at=NOW + timedelta(days=365 * 900))
    for stored in (due, later):
        await put(parts.jobs, stored)
    await put(parts.jobs, started, lambda job: running(job, now=before))

    assert [*await parts.expiring.expired(10)] == [due.job.id]
