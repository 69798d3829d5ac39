"""Submissions and what becomes of them, to messages and back."""

from treadle_domain.errors import InvalidValue
from treadle_domain.idempotency import Idempotency
from treadle_domain.run_policy import UNSAID
from treadle_domain.stored_job import NewJob, SubmitOutcome
from treadle_domain.submission import Submission
from treadle_domain.trace_context import checked_trace_context
from treadle_domain.uniqueness import OnConflict
from treadle_wire.job_codec import (
    options_from_wire,
    options_to_wire,
    unique_from_wire,
    unique_to_wire,
)
from treadle_wire.scalars import duration_from_us, duration_to_us, from_us, to_us, to_uuid
from treadle_wire.store.v1 import job_pb2 as pb
from treadle_wire.store.v1 import job_store_pb2

_ON_CONFLICT = frozenset(OnConflict)
_OUTCOME_TO_WIRE = {
    SubmitOutcome.CREATED: job_store_pb2.SUBMIT_OUTCOME_CREATED,
    SubmitOutcome.REPLAYED: job_store_pb2.SUBMIT_OUTCOME_REPLAYED,
    SubmitOutcome.EXISTING: job_store_pb2.SUBMIT_OUTCOME_EXISTING,
    SubmitOutcome.REPLACED: job_store_pb2.SUBMIT_OUTCOME_REPLACED,
}
_OUTCOME_FROM_WIRE = {wire: outcome for outcome, wire in _OUTCOME_TO_WIRE.items()}


def outcome_to_wire(outcome: SubmitOutcome) -> job_store_pb2.SubmitOutcome:
    return _OUTCOME_TO_WIRE[outcome]


def outcome_from_wire(outcome: job_store_pb2.SubmitOutcome) -> SubmitOutcome:
    """An older store makes a job of every submission, and says nothing of it."""
    return _OUTCOME_FROM_WIRE.get(outcome, SubmitOutcome.CREATED)


def new_job_to_wire(new: NewJob) -> pb.Submission:
    asked = new.submission
    message = pb.Submission(
        id=asked.id.bytes,
        queue=asked.queue,
        type=asked.type,
        payload=new.payload,
        trace_context=asked.trace_context,
    )
    # Most jobs say nothing of the rest.
    if asked.priority:
        message.priority = asked.priority
    if asked.metadata:
        message.metadata.update(asked.metadata)
    if asked.options is not UNSAID:
        message.options.CopyFrom(options_to_wire(asked.options))
    if asked.run_at is not None:
        message.run_at_us = to_us(asked.run_at)
    if asked.delay is not None:
        message.delay_us = duration_to_us(asked.delay)
    if asked.expires_at is not None:
        message.expires_at_us = to_us(asked.expires_at)
    if asked.idempotency is not None:
        message.idempotency.key = asked.idempotency.key
        message.idempotency.fingerprint = asked.idempotency.fingerprint
    if asked.unique is not None:
        message.unique.CopyFrom(unique_to_wire(asked.unique))
    if asked.on_conflict is not OnConflict.RETURN_EXISTING:
        message.on_conflict = asked.on_conflict
    return message


def new_job_from_wire(message: pb.Submission, namespace: str) -> NewJob:
    """Raises InvalidValue as the domain does: the sender's word is not trusted."""
    submission = Submission(
        id=to_uuid(message.id),
        namespace=namespace,
        queue=message.queue,
        type=message.type,
        priority=message.priority,
        run_at=from_us(message.run_at_us) if message.HasField("run_at_us") else None,
        delay=duration_from_us(message.delay_us) if message.HasField("delay_us") else None,
        expires_at=from_us(message.expires_at_us) if message.HasField("expires_at_us") else None,
        options=options_from_wire(message.options) if message.HasField("options") else UNSAID,
        metadata=dict(message.metadata),
        idempotency=_idempotency_from_wire(message),
        unique=unique_from_wire(message.unique) if message.HasField("unique") else None,
        on_conflict=_on_conflict_from_wire(message),
        trace_context=checked_trace_context(said) if (said := message.trace_context) else None,
    )
    return NewJob(submission=submission, payload=message.payload)


def _on_conflict_from_wire(message: pb.Submission) -> OnConflict:
    said = message.on_conflict or OnConflict.RETURN_EXISTING
    if said not in _ON_CONFLICT:
        raise InvalidValue("unique.on_conflict", f"{said} is unknown")
    return OnConflict(said)


def _idempotency_from_wire(message: pb.Submission) -> Idempotency | None:
    if not message.HasField("idempotency"):
        return None
    said = message.idempotency
    return Idempotency(key=said.key, fingerprint=said.fingerprint)
