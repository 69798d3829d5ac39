"""Jobs and what belongs to them, to messages and back."""

from datetime import timedelta
from functools import lru_cache

from treadle_domain.attempt import Attempt
from treadle_domain.errors import InvalidValue
from treadle_domain.job import Job
from treadle_domain.job_error import ErrorKind, JobError
from treadle_domain.progress import KeptProgress, Progress
from treadle_domain.retry_policy import RetryPolicy
from treadle_domain.run_policy import DEFAULT_POLICY, UNSAID, RunOptions, RunPolicy
from treadle_domain.states import JobState
from treadle_domain.stored_job import StoredJob
from treadle_domain.uniqueness import Uniqueness, UniqueScope
from treadle_wire.scalars import (
    duration_from_us,
    duration_to_us,
    from_us,
    to_us,
    to_uuid,
)
from treadle_wire.store.v1 import job_pb2 as pb

_STATE_TO_WIRE = {
    JobState.PENDING: pb.JOB_STATE_PENDING,
    JobState.RUNNING: pb.JOB_STATE_RUNNING,
    JobState.SUCCESS: pb.JOB_STATE_SUCCESS,
    JobState.FAILED: pb.JOB_STATE_FAILED,
    JobState.CANCELLED: pb.JOB_STATE_CANCELLED,
}
_SCOPES = frozenset(UniqueScope)
_STATE_FROM_WIRE = {wire: state for state, wire in _STATE_TO_WIRE.items()}


def state_to_wire(state: JobState) -> pb.JobState:
    return _STATE_TO_WIRE[state]


def state_from_wire(state: pb.JobState) -> JobState:
    """Raises InvalidValue for one that is unspecified or unknown."""
    if state not in _STATE_FROM_WIRE:
        raise InvalidValue("state", f"{state} is no state")
    return _STATE_FROM_WIRE[state]


def known_state(state: pb.JobState) -> JobState | None:
    return _STATE_FROM_WIRE.get(state)


def job_to_wire(job: Job) -> pb.Job:
    message = pb.Job(
        id=job.id.bytes,
        namespace=job.namespace,
        queue=job.queue,
        type=job.type,
        priority=job.priority,
        metadata=job.metadata,
        state=state_to_wire(job.state),
        version=job.version,
        attempt=job.attempt,
        losses=job.losses,
        interruptions=job.interruptions,
        snoozes=job.snoozes,
        fence_base=job.fence_base,
        fence=job.fence,
        rank=job.rank,
        created_at_us=to_us(job.created_at),
        run_at_us=to_us(job.run_at),
        alone=job.alone,
        requested=options_to_wire(job.requested),
        policy=options_to_wire(job.policy),
        worker=job.worker,
        session=None if job.session is None else job.session.bytes,
        error=None if job.error is None else error_to_wire(job.error),
        unique=None if job.unique is None else unique_to_wire(job.unique),
        trace_context=job.trace_context,
    )
    for field, field_us in _OPTIONAL_TIMES:
        moment = getattr(job, field)
        if moment is not None:
            setattr(message, field_us, to_us(moment))
    return message


_OPTIONAL_TIMES = (
    ("expires_at", "expires_at_us"),
    ("started_at", "started_at_us"),
    ("finished_at", "finished_at_us"),
    ("cancel_requested_at", "cancel_requested_at_us"),
    ("unknown_since", "unknown_since_us"),
)


def job_from_wire(message: pb.Job) -> Job:
    times = {
        field: from_us(getattr(message, field_us))
        for field, field_us in _OPTIONAL_TIMES
        if message.HasField(field_us)
    }
    return Job(
        id=to_uuid(message.id),
        namespace=message.namespace,
        queue=message.queue,
        type=message.type,
        priority=message.priority,
        metadata=dict(message.metadata) if message.metadata else {},
        state=state_from_wire(message.state),
        version=message.version,
        attempt=message.attempt,
        losses=message.losses,
        interruptions=message.interruptions,
        snoozes=message.snoozes,
        fence_base=message.fence_base,
        fence=message.fence,
        rank=message.rank,
        created_at=from_us(message.created_at_us),
        run_at=from_us(message.run_at_us),
        alone=message.alone,
        requested=_options_of(message.requested.SerializeToString()),
        policy=_policy_of(message.policy.SerializeToString()),
        worker=message.worker if message.HasField("worker") else None,
        session=to_uuid(message.session) if message.HasField("session") else None,
        error=error_from_wire(message.error) if message.HasField("error") else None,
        unique=_kept_unique(message.unique) if message.HasField("unique") else None,
        trace_context=message.trace_context or None,
        **times,
    )


def stored_job_to_wire(stored: StoredJob) -> pb.StoredJob:
    return pb.StoredJob(
        job=job_to_wire(stored.job),
        payload=stored.payload,
        result=stored.result,
        progress=None if stored.progress is None else _progress_to_wire(stored.progress),
    )


def stored_job_from_wire(message: pb.StoredJob) -> StoredJob:
    return StoredJob(
        job=job_from_wire(message.job),
        payload=message.payload,
        result=message.result if message.HasField("result") else None,
        progress=_progress_from_wire(message.progress) if message.HasField("progress") else None,
    )


def attempt_to_wire(attempt: Attempt) -> pb.Attempt:
    return pb.Attempt(
        job_id=attempt.job_id.bytes,
        fence=attempt.fence,
        number=attempt.number,
        session=attempt.session.bytes,
        worker=attempt.worker,
        started_at_us=to_us(attempt.started_at),
        ended_at_us=to_us(attempt.ended_at),
        error=error_to_wire(attempt.error),
    )


def attempt_from_wire(message: pb.Attempt) -> Attempt:
    return Attempt(
        job_id=to_uuid(message.job_id),
        fence=message.fence,
        number=message.number,
        session=to_uuid(message.session),
        worker=message.worker,
        started_at=from_us(message.started_at_us),
        ended_at=from_us(message.ended_at_us),
        error=error_from_wire(message.error),
    )


def error_to_wire(error: JobError) -> pb.JobError:
    return pb.JobError(
        kind=error.kind, type=error.type, message=error.message, traceback=error.traceback
    )


def error_from_wire(message: pb.JobError) -> JobError:
    return JobError(
        kind=ErrorKind.of(message.kind),
        type=message.type,
        message=message.message,
        traceback=message.traceback,
    )


def unique_to_wire(unique: Uniqueness) -> pb.Uniqueness:
    window = None if unique.window is None else duration_to_us(unique.window)
    return pb.Uniqueness(key=unique.key, scope=unique.scope, window_us=window)


def unique_from_wire(said: pb.Uniqueness) -> Uniqueness:
    """Of a submission. Raises InvalidValue."""
    if said.scope not in _SCOPES:
        raise InvalidValue("unique.scope", f"{said.scope} is no scope")
    return Uniqueness(key=said.key, scope=UniqueScope(said.scope), window=_window(said))


def _kept_unique(said: pb.Uniqueness) -> Uniqueness:
    return Uniqueness.kept(said.key, said.scope, _window(said))


def _window(said: pb.Uniqueness) -> timedelta | None:
    return duration_from_us(said.window_us) if said.HasField("window_us") else None


def options_to_wire(options: RunOptions | RunPolicy) -> pb.RunOptions:
    if options is DEFAULT_POLICY:
        return _DEFAULT_POLICY
    return _UNSAID if options is UNSAID else _options_to_wire(options)


def _options_to_wire(options: RunOptions | RunPolicy) -> pb.RunOptions:
    return pb.RunOptions(
        max_attempts=options.max_attempts,
        timeout_us=None if options.timeout is None else duration_to_us(options.timeout),
        retry=None if options.retry is None else _retry_to_wire(options.retry),
    )


def options_from_wire(message: pb.RunOptions) -> RunOptions:
    return RunOptions(
        max_attempts=message.max_attempts if message.HasField("max_attempts") else None,
        timeout=duration_from_us(message.timeout_us) if message.HasField("timeout_us") else None,
        retry=_retry_from_wire(message.retry) if message.HasField("retry") else None,
    )


@lru_cache(maxsize=1_024)
def _options_of(text: bytes) -> RunOptions:
    """Few are said again and again."""
    return options_from_wire(pb.RunOptions.FromString(text)) if text else UNSAID


@lru_cache(maxsize=1_024)
def _policy_of(text: bytes) -> RunPolicy:
    return options_from_wire(pb.RunOptions.FromString(text)).over(DEFAULT_POLICY)


def _progress_to_wire(kept: KeptProgress) -> pb.KeptProgress:
    said = kept.progress
    return pb.KeptProgress(
        fraction=said.fraction, note=said.note, recorded_at_us=to_us(kept.recorded_at)
    )


def _progress_from_wire(message: pb.KeptProgress) -> KeptProgress:
    return KeptProgress(
        progress=Progress(fraction=message.fraction, note=message.note),
        recorded_at=from_us(message.recorded_at_us),
    )


def _retry_to_wire(policy: RetryPolicy) -> pb.RetryPolicy:
    return pb.RetryPolicy(
        initial_us=duration_to_us(policy.initial),
        maximum_us=duration_to_us(policy.maximum),
        multiplier=policy.multiplier,
        jitter=policy.jitter,
    )


def _retry_from_wire(message: pb.RetryPolicy) -> RetryPolicy:
    return RetryPolicy(
        initial=duration_from_us(message.initial_us),
        maximum=duration_from_us(message.maximum_us),
        multiplier=message.multiplier,
        jitter=message.jitter,
    )


_UNSAID = _options_to_wire(UNSAID)
_DEFAULT_POLICY = _options_to_wire(DEFAULT_POLICY)
