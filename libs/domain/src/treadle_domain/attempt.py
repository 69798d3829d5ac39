"""The record of one run that did not succeed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from treadle_domain.job import Job
from treadle_domain.job_error import JobError
from treadle_domain.states import JobState

KEPT_ATTEMPTS = 50
"""The newest of a job that are kept."""


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
        """None where the change ended no run, and where the run succeeded or never started: a job that is given back
        again and again keeps the records of its errors."""
        if before.state is not JobState.RUNNING or after.state is JobState.RUNNING:
            return None
        never_started = after.fence_base != before.fence_base
        error = None if never_started else after.error
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
