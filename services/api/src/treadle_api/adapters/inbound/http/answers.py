"""What clients are answered, as JSON; the OpenAPI document is made of these too."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.responses import Response

from treadle_domain.attempt import Attempt
from treadle_domain.job import Job
from treadle_domain.job_error import ErrorKind, JobError
from treadle_domain.progress import KeptProgress
from treadle_domain.queue_depth import QueueDepth
from treadle_domain.retry_policy import RetryPolicy
from treadle_domain.states import JobState
from treadle_domain.stored_job import StoredJob
from treadle_domain.uniqueness import Uniqueness, UniqueScope

Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
Id = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]
Seconds = int | float


class ErrorAnswer(msgspec.Struct, kw_only=True):
    kind: ErrorKind
    type: str
    message: str
    traceback: str


class RetryAnswer(msgspec.Struct, kw_only=True):
    initial_seconds: Seconds
    maximum_seconds: Seconds
    multiplier: float
    jitter: float


class UniqueAnswer(msgspec.Struct, kw_only=True):
    key: str
    scope: UniqueScope
    seconds: Seconds | None


class JobSummary(msgspec.Struct, kw_only=True):
    """A job as lists show it. `error` tells why the latest run, or the job, did not succeed."""

    id: Id
    type: str
    queue: str
    priority: int
    state: JobState
    attempt: int
    max_attempts: int
    timeout_seconds: Seconds
    retry: RetryAnswer
    metadata: Mapping[str, str]
    unique: UniqueAnswer | None
    created_at: Time
    run_at: Time
    started_at: Time | None
    finished_at: Time | None
    expires_at: Time | None
    cancel_requested_at: Time | None
    worker: str | None
    error: ErrorAnswer | None
    losses: int
    interruptions: int
    snoozes: int
    fence: int
    version: int


class ProgressAnswer(msgspec.Struct, kw_only=True):
    """`fraction`: from 0 to 1."""

    fraction: float
    note: str
    updated_at: Time


class JobAnswer(JobSummary, kw_only=True):
    """A job. `result` is null unless the state is SUCCESS, `progress` until a run tells of it; the last one stays."""

    progress: ProgressAnswer | None
    payload: msgspec.Raw
    result: msgspec.Raw


class JobPageAnswer(msgspec.Struct, kw_only=True):
    """`next_cursor` is null on the last page only: those before it may have fewer jobs than asked for, even none."""

    items: Sequence[JobSummary]
    next_cursor: str | None


class QueueAnswer(msgspec.Struct, kw_only=True):
    """PENDING jobs are `ready`, or wait for their time: `scheduled` before their first run, `retrying` after one.

    `capped`: so many wait that not all were counted; then `ready`, `scheduled` and `retrying` are the least that there
    are. `oldest_ready_age_seconds`: for how long the oldest of the ready has been, null if none is.
    """

    queue: str
    ready: int
    scheduled: int
    retrying: int
    running: int
    oldest_ready_age_seconds: Seconds | None
    capped: bool


class QueuePageAnswer(msgspec.Struct, kw_only=True):
    """`next_cursor` is null on the last page."""

    items: Sequence[QueueAnswer]
    next_cursor: str | None


class AttemptAnswer(msgspec.Struct, kw_only=True):
    attempt: int
    fence: int
    worker: str
    started_at: Time
    ended_at: Time
    error: ErrorAnswer


class AttemptsAnswer(msgspec.Struct, kw_only=True):
    items: Sequence[AttemptAnswer]


class HealthAnswer(msgspec.Struct):
    status: str


def answer(
    body: msgspec.Struct, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    return Response(msgspec.json.encode(body), status, headers, media_type="application/json")


def job_answer(stored: StoredJob) -> JobAnswer:
    return JobAnswer(
        **_summary(stored.job),
        progress=None if stored.progress is None else _progress(stored.progress),
        payload=msgspec.Raw(stored.payload),
        result=msgspec.Raw(b"null" if stored.result is None else stored.result),
    )


def job_page_answer(jobs: Sequence[Job], next_cursor: str | None) -> JobPageAnswer:
    return JobPageAnswer(
        items=[JobSummary(**_summary(job)) for job in jobs], next_cursor=next_cursor
    )


def queue_page_answer(depths: Sequence[QueueDepth], next_cursor: str | None) -> QueuePageAnswer:
    return QueuePageAnswer(items=list(map(_queue, depths)), next_cursor=next_cursor)


def attempts_answer(attempts: Sequence[Attempt]) -> AttemptsAnswer:
    items = [
        AttemptAnswer(
            attempt=attempt.number,
            fence=attempt.fence,
            worker=attempt.worker,
            started_at=_time(attempt.started_at),
            ended_at=_time(attempt.ended_at),
            error=_error(attempt.error),
        )
        for attempt in attempts
    ]
    return AttemptsAnswer(items=items)


def _summary(job: Job) -> dict[str, Any]:
    return {
        "id": str(job.id),
        "type": job.type,
        "queue": job.queue,
        "priority": job.priority,
        "state": job.state,
        "attempt": job.attempt,
        "max_attempts": job.policy.max_attempts,
        "timeout_seconds": _seconds(job.policy.timeout),
        "retry": _retry(job.policy.retry),
        "metadata": job.metadata,
        "unique": None if job.unique is None else _unique(job.unique),
        "created_at": _time(job.created_at),
        "run_at": _time(job.run_at),
        "started_at": optional_time(job.started_at),
        "finished_at": optional_time(job.finished_at),
        "expires_at": optional_time(job.expires_at),
        "cancel_requested_at": optional_time(job.cancel_requested_at),
        "worker": job.worker,
        "error": None if job.error is None else _error(job.error),
        "losses": job.losses,
        "interruptions": job.interruptions,
        "snoozes": job.snoozes,
        "fence": job.fence,
        "version": job.version,
    }


def _unique(unique: Uniqueness) -> UniqueAnswer:
    seconds = None if unique.window is None else _seconds(unique.window)
    return UniqueAnswer(key=unique.key, scope=unique.scope, seconds=seconds)


def _queue(depth: QueueDepth) -> QueueAnswer:
    age = depth.oldest_ready_age
    return QueueAnswer(
        queue=depth.queue,
        ready=depth.ready,
        scheduled=depth.scheduled,
        retrying=depth.retrying,
        running=depth.running,
        oldest_ready_age_seconds=None if age is None else _seconds(age),
        capped=depth.capped,
    )


def _error(error: JobError) -> ErrorAnswer:
    return ErrorAnswer(
        kind=error.kind, type=error.type, message=error.message, traceback=error.traceback
    )


def _progress(kept: KeptProgress) -> ProgressAnswer:
    said = kept.progress
    return ProgressAnswer(
        fraction=said.fraction, note=said.note, updated_at=_time(kept.recorded_at)
    )


@lru_cache(maxsize=1_024)
def _retry(policy: RetryPolicy) -> RetryAnswer:
    return RetryAnswer(
        initial_seconds=_seconds(policy.initial),
        maximum_seconds=_seconds(policy.maximum),
        multiplier=policy.multiplier,
        jitter=policy.jitter,
    )


def _seconds(duration: timedelta) -> Seconds:
    seconds = duration.total_seconds()
    return int(seconds) if seconds.is_integer() else seconds


@lru_cache(maxsize=256)  # a new job has two that are the same, and so have those beside it
def _time(moment: datetime) -> str:
    """Always with microseconds, so that texts sort as times do."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def optional_time(moment: datetime | None) -> str | None:
    return None if moment is None else _time(moment)
