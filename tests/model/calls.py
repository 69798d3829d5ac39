"""What clients, workers and timers ask of the store, and of the model: each call can be repeated as it was."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from tests.builders import a_failure, a_log_line, a_new_job, a_progress_report
from tests.fakes.in_memory_job_ends import InMemoryJobEnds
from tests.model.job_rules import BACKOFF, NAP, WAIT, End, ModelJob
from tests.model.world import NOT_OPEN, REFUSED, Answer, Claim, Next, World

from treadle_domain.claimed_run import ClaimBatch, ClaimedRun, RunReport
from treadle_domain.errors import SessionNotOpen, TransitionRefused
from treadle_domain.job_error import ErrorKind
from treadle_domain.outcomes import Lost, Outcome, Released, Snoozed, Succeeded
from treadle_domain.progress import Progress
from treadle_domain.retry_policy import RetryPolicy
from treadle_domain.run_policy import RunOptions
from treadle_domain.seats import NO_LIMITS, FreeSeats, Seats
from treadle_domain.stored_job import StoredJob
from treadle_domain.worker_session import Heartbeat, SessionEnd, WorkerSession
from treadle_store.adapters.inbound.grpc.servicer import UseCases
from treadle_store.application.hand_over import HandOver
from treadle_store.application.submit_jobs import Accepted

NAMESPACE = "default"
STEADY = RetryPolicy(initial=BACKOFF, maximum=BACKOFF, jitter=0)

OUTCOMES: Mapping[End, Outcome] = {
    End.SUCCESS: Succeeded(),
    End.ERROR: a_failure(),
    End.PERMANENT: a_failure(ErrorKind.PERMANENT),
    End.SNOOZE: Snoozed(delay=NAP),
    End.RELEASE: Released(),
    End.NO_START: Released(unstarted=True),
    End.LOSS: Lost(),
}


class Store(Protocol):
    @property
    def hand_over(self) -> HandOver: ...

    @property
    def do(self) -> UseCases: ...

    @property
    def job_ends(self) -> InMemoryJobEnds: ...

    @property
    def reclaim_lost_jobs(self) -> Callable[[], Awaitable[bool]]: ...

    @property
    def expire_jobs(self) -> Callable[[], Awaitable[bool]]: ...


@dataclass(frozen=True)
class Call:
    story: str
    on_store: Callable[[Store], Awaitable[Answer]]
    on_model: Callable[[World], Next]

    def __repr__(self) -> str:
        return self.story


def submit(
    job_id: UUID,
    *,
    type: str,
    delay: timedelta,
    expires_at: datetime | None,
    max_attempts: int,
) -> Call:
    new = a_new_job(
        id=job_id,
        type=type,
        delay=delay,
        expires_at=expires_at,
        options=RunOptions(max_attempts=max_attempts, retry=STEADY),
    )

    async def on_store(store: Store) -> Answer:
        (answer,) = await store.do.submit_jobs([new])
        assert isinstance(answer, Accepted)
        return answer.job.state.value

    def on_model(world: World) -> Next:
        job = ModelJob(
            type=type,
            created_at=world.now,
            run_at=world.now + delay,
            expires_at=expires_at,
            max_attempts=max_attempts,
        )
        return world.submit(job_id, job)

    return Call(f"submit {job_id}", on_store, on_model)


def cancel(job_id: UUID) -> Call:
    async def on_store(store: Store) -> Answer:
        (answer,) = await store.do.cancel_jobs(NAMESPACE, [job_id])
        return _state_or_refused(answer)

    return Call(f"cancel {job_id}", on_store, lambda world: world.cancel(job_id))


def retry(job_id: UUID) -> Call:
    async def on_store(store: Store) -> Answer:
        (answer,) = await store.do.retry_jobs(NAMESPACE, [job_id])
        return _state_or_refused(answer)

    return Call(f"retry {job_id}", on_store, lambda world: world.retry(job_id))


def open_session(session_id: UUID, types: Collection[str]) -> Call:
    session = WorkerSession(
        id=session_id,
        worker="worker-1",
        namespaces=(NAMESPACE,),
        queues=("default",),
        handlers={name: RunOptions() for name in types},
    )

    async def on_store(store: Store) -> Answer:
        await store.do.keep_session.open(session)
        return None

    return Call(f"open {session_id}", on_store, lambda world: world.open(session_id, types))


def close_session(session_id: UUID, end: SessionEnd) -> Call:
    async def on_store(store: Store) -> Answer:
        await store.do.keep_session.close(session_id, end)
        return None

    story = f"close {session_id}: {end}"
    return Call(story, on_store, lambda world: world.close(session_id, end.value))


def claim(
    job_ids: Sequence[UUID],
    session_id: UUID,
    claim_id: UUID,
    beat: int,
    mail_seats: int | None = None,
) -> Call:
    """`beat`: the number of the last heartbeat that the worker had built; None: no limit for mail."""
    batch = ClaimBatch(
        namespace=NAMESPACE,
        session=session_id,
        claim_id=claim_id,
        heartbeat_number=beat,
        job_ids=tuple(job_ids),
        seats=NO_LIMITS
        if mail_seats is None
        else FreeSeats(by_type={"mail": Seats(free=mail_seats, put_off=WAIT)}),
    )

    async def on_store(store: Store) -> Answer:
        try:
            answers = await store.do.claim_jobs(batch)
        except SessionNotOpen:
            return NOT_OPEN
        return [(a.fence, a.checkpoint) if isinstance(a, ClaimedRun) else a.value for a in answers]

    def on_model(world: World) -> Next:
        if not world.sessions[session_id].is_open:
            return world, NOT_OPEN
        return world.claim(job_ids, session_id, Claim(claim_id, beat, mail_seats))

    ids = ", ".join(map(str, job_ids))
    return Call(f"claim {ids} by {session_id} as {claim_id}", on_store, on_model)


def finish(session_id: UUID, ends: Sequence[tuple[UUID, int, End]]) -> Call:
    """`ends`: job, fence and how the run ended."""
    reports = [
        RunReport(
            namespace=NAMESPACE,
            job_id=job_id,
            fence=fence,
            outcome=OUTCOMES[end],
            result=b"[1]" if end is End.SUCCESS else None,
        )
        for job_id, fence, end in ends
    ]

    async def on_store(store: Store) -> Answer:
        return [each.ruling.value for each in await store.do.finish_jobs(session_id, reports)]

    def on_model(world: World) -> Next:
        return _each(world, [(i, session_id, fence, end) for i, fence, end in ends], World.finish)

    story = ", ".join(f"{end.name} of {job_id} at {fence}" for job_id, fence, end in ends)
    return Call(f"finish by {session_id}: {story}", on_store, on_model)


def record(
    session_id: UUID,
    runs: Sequence[tuple[UUID, int]],
    number: int,
    fraction: float,
    checkpoint: bytes | None,
    line: tuple[int, str],
) -> Call:
    """`runs`: job and fence, all of which tell the same."""
    reports = [
        a_progress_report(
            job_id,
            fence,
            number=number,
            progress=Progress(fraction=fraction),
            checkpoint=checkpoint,
            log_lines=(a_log_line(*line),),
        )
        for job_id, fence in runs
    ]

    async def on_store(store: Store) -> Answer:
        return [answer.value for answer in await store.do.record_progress(session_id, reports)]

    def on_model(world: World) -> Next:
        told = (number, fraction, checkpoint, line)
        return _each(world, [(i, session_id, fence, *told) for i, fence in runs], World.record)

    story = ", ".join(f"{job_id} at {fence}" for job_id, fence in runs)
    return Call(f"record by {session_id}: {fraction} as {number} of {story}", on_store, on_model)


def heartbeat(
    session_id: UUID, number: int, held: Mapping[UUID, int], open_claims: frozenset[UUID]
) -> Call:
    beat = Heartbeat(session=session_id, number=number, held=held, open_claims=open_claims)

    async def on_store(store: Store) -> Answer:
        try:
            lease = await store.do.keep_session.heartbeat(beat)
        except SessionNotOpen:
            return NOT_OPEN
        return lease.expires_at, set(lease.cancelled)

    def on_model(world: World) -> Next:
        return world.heartbeat(session_id, number, held, open_claims)

    return Call(f"heartbeat {number} of {session_id}", on_store, on_model)


def reclaim() -> Call:
    async def on_store(store: Store) -> Answer:
        return await store.reclaim_lost_jobs()

    return Call("reclaim", on_store, lambda world: (world.reclaim(), False))


def expire() -> Call:
    async def on_store(store: Store) -> Answer:
        return await store.expire_jobs()

    return Call("expire", on_store, lambda world: (world.expire(), False))


def _each(world: World, arguments: Sequence[tuple[Any, ...]], ask: Callable[..., Next]) -> Next:
    """One after the other, each answered for itself."""
    answers = []
    for given in arguments:
        world, answer = ask(world, *given)
        answers.append(answer)
    return world, answers


def _state_or_refused(answer: object) -> Answer:
    if isinstance(answer, TransitionRefused):
        return REFUSED
    assert isinstance(answer, StoredJob)
    return answer.job.state.value
