"""What every PlainRuns promises, asked of the fake, which asks the verbs, and of PostgreSQL, which compares."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.builders import NOW, SECOND, a_session, a_stored_job, running
from tests.contract.changes import ended, failed, put, succeeded
from tests.fakes.in_memory_job_ends import InMemoryJobEnds
from tests.fakes.in_memory_plain_runs import InMemoryPlainRuns
from tests.fakes.in_memory_store import (
    InMemoryClock,
    InMemoryJobRepository,
    InMemorySessionRepository,
)

from treadle_domain.claimed_run import ClaimBatch, ClaimedRun, RunReport
from treadle_domain.job import Job
from treadle_domain.outcomes import Claim, Released, Ruling, Succeeded
from treadle_domain.retry_policy import RetryPolicy
from treadle_domain.run_policy import RunOptions
from treadle_domain.seats import NO_LIMITS, FreeSeats, Seats
from treadle_domain.stored_job import StoredJob
from treadle_domain.worker_session import SessionEnd, WorkerSession
from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.job_repository import PostgresJobRepository
from treadle_store.adapters.outbound.postgres.plain_runs import PostgresPlainRuns
from treadle_store.adapters.outbound.postgres.session_repository import PostgresSessionRepository
from treadle_store.application.errors import Unstorable
from treadle_store.application.ports import HeldRun, JobRepository, SessionRepository
from treadle_store.application.run_ports import MAX_PLAIN_BYTES, PlainRuns

LONG_AFTER = datetime(2100, 1, 1, tzinfo=UTC)
SAID = RunOptions(max_attempts=7, timeout=SECOND / 3, retry=RetryPolicy(jitter=0.25))
HANDLER = RunOptions(max_attempts=4, timeout=9 * SECOND, retry=RetryPolicy(multiplier=3))


@dataclass
class Scene:
    jobs: JobRepository
    sessions: SessionRepository
    runs: PlainRuns
    ends: InMemoryJobEnds

    async def opened(self) -> WorkerSession:
        session = a_session(handlers={"echo": RunOptions(), "mail": HANDLER, "one": HANDLER})
        await self.sessions.open(session, timedelta(minutes=1))
        return session

    async def job(self, job_id: UUID) -> Job:
        return (await self.jobs.find("default", [job_id]))[job_id]


@pytest.fixture(params=["in memory", "PostgreSQL"])
async def scene(request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    ends = InMemoryJobEnds()
    if request.param == "in memory":
        clock = InMemoryClock()
        clock.advance(timedelta(days=2))
        jobs, sessions = InMemoryJobRepository(ends), InMemorySessionRepository(clock)
        yield Scene(jobs, sessions, InMemoryPlainRuns(jobs, sessions, clock), ends)
        return
    database = Database(request.getfixturevalue("migrated_database_url"), pool_size=2)
    yield Scene(
        PostgresJobRepository(database, ends),
        PostgresSessionRepository(database),
        PostgresPlainRuns(database, ends),
        ends,
    )
    await database.close()


def a_claim(session: WorkerSession, *ids: UUID, seats: FreeSeats = NO_LIMITS) -> ClaimBatch:
    return ClaimBatch(
        namespace="default",
        session=session.id,
        claim_id=uuid4(),
        heartbeat_number=3,
        job_ids=ids,
        seats=seats,
    )


def a_report(job: Job, **other: object) -> RunReport:
    report = RunReport(
        namespace="default",
        job_id=job.id,
        fence=job.fence,
        outcome=Succeeded(),
        result=b'{"ok": 1e400}',
    )
    return replace(report, **other)  # type: ignore[arg-type]


def put_off(job: Job) -> Job:
    return job.put_off_or_refuse(
        known_types=(), handled_elsewhere=True, grace=SECOND, now=NOW + SECOND
    )


def released(job: Job) -> Job:
    return ended(job, Released())


def cancel_asked(job: Job) -> Job:
    return job.cancel(NOW)


TRACE = f"00-{1:032x}-{2:016x}-01 vendor=3"
PLAIN: Sequence[tuple[StoredJob, Sequence[Callable[[Job], Job]]]] = [
    (a_stored_job(), ()),
    (a_stored_job(b'{"b": 1e400, "a":[ 1 ]}', metadata={"a": "b"}, priority=9), ()),
    (a_stored_job(type="mail"), ()),
    (a_stored_job(type="mail", options=SAID), ()),
    (a_stored_job(options=SAID, queue="other", delay=SECOND), ()),
    (a_stored_job(expires_at=LONG_AFTER), ()),
    (a_stored_job(trace_context=TRACE), ()),
    (a_stored_job(), (put_off,)),
    (a_stored_job(b'"' + b"x" * (MAX_PLAIN_BYTES - 2) + b'"'), ()),
]


async def test_a_plain_claim_makes_of_a_job_what_the_verb_makes_of_it(scene: Scene) -> None:
    session = await scene.opened()
    before = [await put(scene.jobs, stored, *lives) for stored, lives in PLAIN]
    batch = a_claim(session, *(job.id for job in before))

    runs = await scene.runs.claim(batch, session)

    for job, (stored, _) in zip(before, PLAIN, strict=True):
        after = await scene.job(job.id)
        assert after.started_at is not None
        assert after == job.claim(
            session=session.id,
            worker=session.worker,
            handler=session.options_for(job.type),
            now=after.started_at,
        )
        assert runs[job.id] == ClaimedRun.of(after, stored.payload)
    assert sorted(await scene.jobs.held_by(session.id), key=lambda run: run.job_id) == [
        HeldRun(job_id=i, fence=1, claim_id=batch.claim_id, heartbeat_number=3)
        for i in sorted(batch.job_ids)
    ]


NOT_PLAIN: Sequence[tuple[str, StoredJob, Sequence[Callable[[Job], Job]]]] = [
    ("runs", a_stored_job(), (running,)),
    ("ran before", a_stored_job(), (running, released)),
    ("failed before", a_stored_job(), (running, failed)),
    ("was retried", a_stored_job(), (running, succeeded)),
    ("is cancelled", a_stored_job(), (cancel_asked,)),
    ("is not due", a_stored_job(run_at=LONG_AFTER), ()),
    ("has expired", a_stored_job(expires_at=NOW + SECOND), ()),
    ("of an unknown type", a_stored_job(type="unknown"), ()),
    ("of a type with seats", a_stored_job(type="one"), ()),
    ("of an isolated type", a_stored_job(type="mail"), ()),
    ("of another namespace", a_stored_job(namespace="theirs"), ()),
    ("too large", a_stored_job(b'"' + b"x" * MAX_PLAIN_BYTES + b'"'), ()),
    ("of large metadata", a_stored_job(metadata=dict.fromkeys("ab", "x" * 512)), ()),
]


async def test_what_is_not_plain_is_left_to_the_verbs(scene: Scene) -> None:
    session = await scene.opened()
    before = [await put(scene.jobs, stored, *lives) for _, stored, lives in NOT_PLAIN]
    plain = a_stored_job()
    await put(scene.jobs, plain)
    seats = FreeSeats(by_type={"one": Seats(free=1)}, isolated=frozenset({"mail"}))
    ids = [*(job.id for job in before), plain.job.id, uuid4()]

    runs = await scene.runs.claim(a_claim(session, *ids, seats=seats), session)

    assert {*runs} == {plain.job.id}
    after = await scene.jobs.find_anywhere([job.id for job in before])
    assert [after[job.id] for job in before] == before


async def test_a_session_that_is_closed_claims_nothing(scene: Scene) -> None:
    session = await scene.opened()
    job = await put(scene.jobs, a_stored_job())
    await scene.sessions.close(session.id, SessionEnd.DRAINED)

    runs = await scene.runs.claim(a_claim(session, job.id), session)

    assert not runs
    assert await scene.job(job.id) == job
    assert not await scene.jobs.held_by(session.id)


async def test_a_second_claim_of_the_same_jobs_gets_none(scene: Scene) -> None:
    session, other = await scene.opened(), await scene.opened()
    job = await put(scene.jobs, a_stored_job())
    await scene.runs.claim(a_claim(session, job.id), session)

    runs = await scene.runs.claim(a_claim(other, job.id), other)

    assert not runs
    assert (await scene.job(job.id)).session == session.id


async def test_a_plain_success_makes_of_a_job_what_the_verb_makes_of_it(scene: Scene) -> None:
    session = await scene.opened()

    def claimed(job: Job) -> Job:
        return running(job, session=session.id, now=max(NOW + timedelta(hours=9), job.run_at))

    lives = [(claimed,), (claimed, failed, claimed), (claimed, released, claimed)]
    said: dict[str, Any] = {
        "metadata": {"a": "b"},
        "options": SAID,
        "priority": 2,
        "trace_context": TRACE,
    }
    stored = [a_stored_job(**said) for _ in lives]
    before = [await put(scene.jobs, job, *life) for job, life in zip(stored, lives, strict=True)]

    recorded = await scene.runs.succeed(session.id, "default", [a_report(job) for job in before])

    found = await scene.jobs.find_stored("default", recorded)
    for job in before:
        after = found[job.id].job
        assert after.finished_at is not None
        claim = Claim(session.id, job.fence)
        assert (Ruling.APPLIED, after) == job.finish(
            claim, Succeeded(), now=after.finished_at, chance=0
        )
        assert found[job.id].result == b'{"ok": 1e400}'
    assert not await scene.jobs.held_by(session.id)
    assert {*scene.ends.told} == {job.id for job in before}


async def test_a_success_that_is_not_plain_is_left_to_the_verbs(scene: Scene) -> None:
    session = await scene.opened()

    def claimed(job: Job) -> Job:
        return running(job, session=session.id)

    pending = await put(scene.jobs, a_stored_job())
    others = await put(scene.jobs, a_stored_job(), running)
    cancelled = await put(scene.jobs, a_stored_job(), claimed, cancel_asked)
    older = await put(scene.jobs, a_stored_job(), claimed, released, claimed)
    theirs = await put(scene.jobs, a_stored_job(namespace="theirs"), claimed)
    given_back = await put(scene.jobs, a_stored_job(), claimed, released)
    over = await put(scene.jobs, a_stored_job(), claimed, succeeded)
    before = [pending, others, cancelled, older, theirs, given_back, over]
    reports = [a_report(job, fence=1) for job in before]

    recorded = await scene.runs.succeed(session.id, "default", reports)

    assert not recorded
    after = await scene.jobs.find_anywhere([job.id for job in before])
    assert [after[job.id] for job in before] == before
    assert {*(run.job_id for run in await scene.jobs.held_by(session.id))} == {
        cancelled.id,
        older.id,
        theirs.id,
    }


async def test_a_success_with_an_unstorable_result_records_none_of_its_call(scene: Scene) -> None:
    session = await scene.opened()
    good, bad = [
        await put(scene.jobs, a_stored_job(), lambda job: running(job, session=session.id))
        for _ in range(2)
    ]

    with pytest.raises(Unstorable):
        await scene.runs.succeed(
            session.id, "default", [a_report(good), a_report(bad, result=b'"\x00"')]
        )

    assert await scene.job(good.id) == good
    assert not scene.ends.told
