"""Claims, outcomes and worker sessions, to messages and back."""

from collections.abc import Sequence
from functools import cache
from typing import assert_never

from treadle_domain.claimed_run import ClaimBatch, ClaimedRun, ClaimRefusal, RunReport
from treadle_domain.outcomes import (
    Failed,
    Lost,
    Outcome,
    Released,
    Ruling,
    Snoozed,
    Succeeded,
    Verdict,
)
from treadle_domain.seats import FreeSeats, Seats
from treadle_domain.trace_context import checked_trace_context
from treadle_domain.worker_session import Heartbeat, Lease, WorkerSession
from treadle_wire.job_codec import (
    error_from_wire,
    error_to_wire,
    known_state,
    options_from_wire,
    options_to_wire,
    state_to_wire,
)
from treadle_wire.scalars import duration_from_us, duration_to_us, from_us, to_us, to_uuid
from treadle_wire.store.v1 import job_store_pb2 as pb
from treadle_wire.store.v1.job_pb2 import JOB_STATE_UNSPECIFIED
from treadle_wire.store.v1.job_pb2 import JobState as JobStateNumber

_REFUSAL_TO_WIRE = {
    ClaimRefusal.GONE: pb.CLAIM_REFUSAL_GONE,
    ClaimRefusal.NOT_DUE: pb.CLAIM_REFUSAL_NOT_DUE,
    ClaimRefusal.PAUSED: pb.CLAIM_REFUSAL_PAUSED,
    ClaimRefusal.UNKNOWN_TYPE: pb.CLAIM_REFUSAL_UNKNOWN_TYPE,
    ClaimRefusal.LEFT_OVER: pb.CLAIM_REFUSAL_LEFT_OVER,
    ClaimRefusal.PUT_OFF: pb.CLAIM_REFUSAL_PUT_OFF,
}
_REFUSAL_FROM_WIRE = {wire: refusal for refusal, wire in _REFUSAL_TO_WIRE.items()}
_RULING_TO_WIRE = {
    Ruling.APPLIED: pb.RULING_APPLIED,
    Ruling.ALREADY_RECORDED: pb.RULING_ALREADY_RECORDED,
    Ruling.STALE: pb.RULING_STALE,
}
_SUCCEEDED = Succeeded()
_RULING_FROM_WIRE = {wire: ruling for ruling, wire in _RULING_TO_WIRE.items()}


def verdicts_to_wire(verdicts: Sequence[Verdict]) -> pb.FinishJobsResponse:
    return pb.FinishJobsResponse(
        rulings=[_RULING_TO_WIRE[ruling] for ruling, _ in verdicts],
        states=[
            JOB_STATE_UNSPECIFIED if state is None else state_to_wire(state)
            for _, state in verdicts
        ],
    )


def verdicts_from_wire(message: pb.FinishJobsResponse) -> Sequence[Verdict]:
    """A store that is older tells no states. A ruling of a newer one is read as STALE: whatever it was, the worker
    forgets the run, and what the store still holds for it comes back with a heartbeat."""
    states = message.states or (JOB_STATE_UNSPECIFIED,) * len(message.rulings)
    # There are few different ones, and very many of them.
    return [*map(_verdict, message.rulings, states)]


@cache
def _verdict(ruling: pb.Ruling, state: JobStateNumber) -> Verdict:
    return Verdict(_RULING_FROM_WIRE.get(ruling, Ruling.STALE), known_state(state))


def session_to_wire(session: WorkerSession) -> pb.OpenSessionRequest:
    return pb.OpenSessionRequest(
        session_id=session.id.bytes,
        worker=session.worker,
        namespaces=session.namespaces,
        queues=session.queues,
        handlers={name: options_to_wire(options) for name, options in session.handlers.items()},
    )


def session_from_wire(message: pb.OpenSessionRequest) -> WorkerSession:
    return WorkerSession(
        id=to_uuid(message.session_id),
        worker=message.worker,
        namespaces=tuple(message.namespaces),
        queues=tuple(message.queues),
        handlers={name: options_from_wire(said) for name, said in message.handlers.items()},
    )


def heartbeat_to_wire(beat: Heartbeat) -> pb.HeartbeatRequest:
    return pb.HeartbeatRequest(
        session_id=beat.session.bytes,
        number=beat.number,
        held=[pb.HeldRun(job_id=job.bytes, fence=fence) for job, fence in beat.held.items()],
        open_claim_ids=[claim.bytes for claim in beat.open_claims],
    )


def heartbeat_from_wire(message: pb.HeartbeatRequest) -> Heartbeat:
    return Heartbeat(
        session=to_uuid(message.session_id),
        number=message.number,
        held={to_uuid(run.job_id): run.fence for run in message.held},
        open_claims=frozenset(to_uuid(claim) for claim in message.open_claim_ids),
    )


def lease_to_wire(lease: Lease) -> pb.HeartbeatResponse:
    return pb.HeartbeatResponse(
        expires_at_us=to_us(lease.expires_at),
        cancelled=[pb.HeldRun(job_id=job.bytes, fence=fence) for job, fence in lease.cancelled],
    )


def lease_from_wire(message: pb.HeartbeatResponse) -> Lease:
    return Lease(
        expires_at=from_us(message.expires_at_us),
        cancelled=tuple((to_uuid(run.job_id), run.fence) for run in message.cancelled),
    )


def claim_to_wire(batch: ClaimBatch) -> pb.ClaimJobsRequest:
    return pb.ClaimJobsRequest(
        namespace=batch.namespace,
        session_id=batch.session.bytes,
        claim_id=batch.claim_id.bytes,
        heartbeat_number=batch.heartbeat_number,
        job_ids=[job_id.bytes for job_id in batch.job_ids],
        type_seats={name: _seats_to_wire(seats) for name, seats in batch.seats.by_type.items()},
        alone_seats=None if batch.seats.alone is None else _seats_to_wire(batch.seats.alone),
        isolated_types=batch.seats.isolated,
    )


def claim_from_wire(message: pb.ClaimJobsRequest) -> ClaimBatch:
    return ClaimBatch(
        namespace=message.namespace,
        session=to_uuid(message.session_id),
        claim_id=to_uuid(message.claim_id),
        heartbeat_number=message.heartbeat_number,
        job_ids=tuple(to_uuid(job_id) for job_id in message.job_ids),
        seats=FreeSeats(
            by_type={name: _seats_from_wire(seats) for name, seats in message.type_seats.items()},
            alone=_seats_from_wire(message.alone_seats)
            if message.HasField("alone_seats")
            else None,
            isolated=frozenset(message.isolated_types),
        ),
    )


def _seats_to_wire(seats: Seats) -> pb.Seats:
    return pb.Seats(free=seats.free, put_off_us=duration_to_us(seats.put_off))


def _seats_from_wire(message: pb.Seats) -> Seats:
    return Seats(free=message.free, put_off=duration_from_us(message.put_off_us))


def claim_answer_to_wire(answer: ClaimedRun | ClaimRefusal) -> pb.ClaimAnswer:
    if isinstance(answer, ClaimRefusal):
        return pb.ClaimAnswer(refusal=_REFUSAL_TO_WIRE[answer])
    run = pb.ClaimedRun(
        job_id=answer.job_id.bytes,
        fence=answer.fence,
        namespace=answer.namespace,
        queue=answer.queue,
        type=answer.type,
        attempt=answer.attempt,
        max_attempts=answer.max_attempts,
        timeout_us=duration_to_us(answer.timeout),
        created_at_us=to_us(answer.created_at),
        metadata=answer.metadata,
        payload=answer.payload,
        must_run_alone=answer.must_run_alone,
        checkpoint=answer.checkpoint,
        trace_context=answer.trace_context,
        waited_us=None if answer.waited is None else duration_to_us(answer.waited),
    )
    return pb.ClaimAnswer(run=run)


def claim_answer_from_wire(message: pb.ClaimAnswer) -> ClaimedRun | ClaimRefusal:
    """What only a newer store says is a refusal: what it holds for this worker then comes back with a heartbeat."""
    if message.WhichOneof("answer") != "run":
        return _REFUSAL_FROM_WIRE.get(message.refusal, ClaimRefusal.NOT_DUE)
    run = message.run
    return ClaimedRun(
        job_id=to_uuid(run.job_id),
        fence=run.fence,
        namespace=run.namespace,
        queue=run.queue,
        type=run.type,
        attempt=run.attempt,
        max_attempts=run.max_attempts,
        timeout=duration_from_us(run.timeout_us),
        created_at=from_us(run.created_at_us),
        metadata=dict(metadata) if (metadata := run.metadata) else {},
        payload=run.payload,
        must_run_alone=run.must_run_alone,
        checkpoint=run.checkpoint if run.HasField("checkpoint") else None,
        trace_context=checked_trace_context(said) if (said := run.trace_context) else None,
        waited=duration_from_us(run.waited_us) if run.HasField("waited_us") else None,
    )


def report_to_wire(report: RunReport) -> pb.RunOutcome:
    message = pb.RunOutcome(
        namespace=report.namespace, job_id=report.job_id.bytes, fence=report.fence
    )
    match report.outcome:
        case Succeeded():
            message.succeeded = report.result or b"null"
        case Failed(error=error, alone=alone):
            message.failed.CopyFrom(error_to_wire(error))
            message.failed_alone = alone
        case Snoozed(delay=delay):
            message.snoozed_us = duration_to_us(delay)
        case Released(alone=alone, unstarted=unstarted):
            message.released.alone = alone
            message.released.unstarted = unstarted
        case Lost():
            message.lost.SetInParent()
        case _:
            assert_never(report.outcome)
    return message


def report_from_wire(message: pb.RunOutcome) -> RunReport:
    kind = message.WhichOneof("outcome")
    succeeded = kind == "succeeded"
    return RunReport(
        namespace=message.namespace,
        job_id=to_uuid(message.job_id),
        fence=message.fence,
        outcome=_SUCCEEDED if succeeded else _other_outcome_from_wire(kind, message),
        result=message.succeeded if succeeded else None,
    )


def _other_outcome_from_wire(kind: str | None, message: pb.RunOutcome) -> Outcome:
    match kind:
        case "failed":
            return Failed(error=error_from_wire(message.failed), alone=message.failed_alone)
        case "snoozed_us":
            return Snoozed(delay=duration_from_us(message.snoozed_us))
        case "released":
            released = message.released
            return Released(alone=released.alone, unstarted=released.unstarted)
        case "lost":
            return Lost()
        case _:
            # An end that only a newer worker knows: the job runs again.
            return Released()
