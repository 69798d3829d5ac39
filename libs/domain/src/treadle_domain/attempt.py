"""The record of one run that did not succeed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from treadle_domain.job import Job
from treadle_domain.job_error import ErrorKind, JobError
from treadle_domain.states import JobState

KEPT_ATTEMPTS = 50
"""The newest of a job that are kept."""

_UNSTARTED = JobError(
    kind=ErrorKind.UNSTARTED, message="claimed ahead, and given back before its code began"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """`number` is the attempt as it was charged at the claim; several records may share it, `fence` is unique."""

    job_id: UUID
    fence: int
    number: int
    session: UUID
    worker: str
    started_at: datetime
    ended_at: datetime
    error: JobError

    @classmethod
    def ended_by(cls, before: Job, after: Job, now: datetime) -> Self | None:
        """None where the change ended no run, or the run succeeded."""
        if before.state is not JobState.RUNNING or after.state is JobState.RUNNING:
            return None
        # Of a run that never started the job itself says nothing.
        is_unstarted = after.state is JobState.PENDING and after.error is before.error
        error = _UNSTARTED if is_unstarted else after.error
        if error is None or before.session is None or before.started_at is None:
            return None
        return cls(
            job_id=before.id,
            fence=before.fence,
            number=before.attempt,
            session=before.session,
            worker=before.worker or "",
            started_at=before.started_at,
            ended_at=now,
            error=error,
        )
