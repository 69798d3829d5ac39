"""The one table between what the domain refuses and what gRPC says."""

import grpc
from google.protobuf.message import DecodeError

from treadle_domain.errors import (
    DomainError,
    IdempotencyMismatch,
    InvalidValue,
    JobNotFound,
    SessionNotOpen,
    TransitionRefused,
    UniqueConflict,
)
from treadle_domain.states import JobState, Verb
from treadle_wire.job_codec import state_from_wire, state_to_wire
from treadle_wire.scalars import to_uuid
from treadle_wire.store.v1 import job_pb2 as pb

FAULT_KEY = "treadle-fault-bin"
"""Trailing metadata of a refused call: a serialised Fault."""

STATUS: dict[type[DomainError], grpc.StatusCode] = {
    InvalidValue: grpc.StatusCode.INVALID_ARGUMENT,
    JobNotFound: grpc.StatusCode.NOT_FOUND,
    TransitionRefused: grpc.StatusCode.FAILED_PRECONDITION,
    UniqueConflict: grpc.StatusCode.ALREADY_EXISTS,
    IdempotencyMismatch: grpc.StatusCode.ALREADY_EXISTS,
    SessionNotOpen: grpc.StatusCode.FAILED_PRECONDITION,
}


class UnknownFault(Exception):
    """A refusal in words that only a newer peer knows."""


def fault_to_wire(error: DomainError) -> pb.Fault:
    match error:
        case InvalidValue(field=field, reason=reason):
            return pb.Fault(invalid_value=pb.Fault.InvalidValue(field=field, reason=reason))
        case JobNotFound(job_id=job_id):
            return pb.Fault(job_not_found=pb.Fault.JobNotFound(job_id=job_id.bytes))
        case TransitionRefused(job_id=job_id, state=state, verb=verb):
            refused = pb.Fault.TransitionRefused(
                job_id=job_id.bytes, state=state_to_wire(state), verb=verb
            )
            return pb.Fault(transition_refused=refused)
        case UniqueConflict(key=key, holder=holder):
            return pb.Fault(unique_conflict=pb.Fault.UniqueConflict(key=key, holder=holder.bytes))
        case IdempotencyMismatch(key=key):
            return pb.Fault(idempotency_mismatch=pb.Fault.IdempotencyMismatch(key=key))
        case SessionNotOpen(session_id=session_id):
            return pb.Fault(session_not_open=pb.Fault.SessionNotOpen(session_id=session_id.bytes))
    raise TypeError(f"{type(error).__name__} has no message")


def fault_from_wire(fault: pb.Fault) -> DomainError:
    """Raises UnknownFault."""
    match fault.WhichOneof("fault"):
        case "invalid_value":
            return InvalidValue(fault.invalid_value.field, fault.invalid_value.reason)
        case "job_not_found":
            return JobNotFound(to_uuid(fault.job_not_found.job_id))
        case "transition_refused":
            refused = fault.transition_refused
            return TransitionRefused(to_uuid(refused.job_id), _state(refused), _verb(refused))
        case "unique_conflict":
            conflict = fault.unique_conflict
            return UniqueConflict(conflict.key, to_uuid(conflict.holder))
        case "idempotency_mismatch":
            return IdempotencyMismatch(fault.idempotency_mismatch.key)
        case "session_not_open":
            return SessionNotOpen(to_uuid(fault.session_not_open.session_id))
    raise UnknownFault("of no known kind")


def _state(refused: pb.Fault.TransitionRefused) -> JobState:
    try:
        return state_from_wire(refused.state)
    except InvalidValue as error:
        raise UnknownFault(str(error)) from error


def _verb(refused: pb.Fault.TransitionRefused) -> Verb:
    try:
        return Verb(refused.verb)
    except ValueError as error:
        raise UnknownFault(str(error)) from error


def fault_of(error: grpc.aio.AioRpcError) -> DomainError | None:
    """The domain error that refused the call; None where it failed for another reason, or one that only a newer peer
    knows."""
    for key, value in error.trailing_metadata() or ():
        if key == FAULT_KEY and isinstance(value, bytes):
            try:
                return fault_from_wire(pb.Fault.FromString(value))
            except (UnknownFault, DecodeError):
                return None
    return None
