"""What a worker gets for the ids that it popped."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self
from uuid import UUID

from treadle_domain.job import Job
from treadle_domain.outcomes import Outcome
from treadle_domain.seats import NO_LIMITS, FreeSeats

_LARGEST_CHARACTER_BYTES = 4


class ClaimRefusal(StrEnum):
    """The store decides what goes back to the ready queue, and when: a worker never re-adds a refused id."""

    GONE = "gone"
    NOT_DUE = "not_due"
    PAUSED = "paused"
    UNKNOWN_TYPE = "unknown_type"
    LEFT_OVER = "left_over"
    PUT_OFF = "put_off"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedRun:
    """One run of a job, granted to a session; void once the job is claimed again (a higher fence)."""

    job_id: UUID
    fence: int
    namespace: str
    queue: str
    type: str
    attempt: int
    max_attempts: int
    timeout: timedelta
    created_at: datetime
    metadata: Mapping[str, str]
    payload: bytes
    must_run_alone: bool = False
    checkpoint: bytes | None = None
    """JSON text: the last one that runs of this job recorded."""
    trace_context: str | None = None
    waited: timedelta | None = None
    """From when it was due until its claim. None after a run that did not end: since when it waits is not kept."""

    @property
    def size(self) -> int:
        """An upper bound of its bytes beside names, times and numbers."""
        characters = sum(len(key) + len(value) for key, value in self.metadata.items())
        texts = len(self.payload) + len(self.checkpoint or b"") + len(self.trace_context or "")
        return texts + characters * _LARGEST_CHARACTER_BYTES

    @classmethod
    def of(cls, job: Job, payload: bytes, checkpoint: bytes | None = None) -> Self:
        return cls(
            job_id=job.id,
            fence=job.fence,
            namespace=job.namespace,
            queue=job.queue,
            type=job.type,
            attempt=job.attempt,
            max_attempts=job.policy.max_attempts,
            timeout=job.policy.timeout,
            created_at=job.created_at,
            metadata=job.metadata,
            payload=payload,
            must_run_alone=job.must_run_alone,
            checkpoint=checkpoint,
            trace_context=job.trace_context,
            waited=job.waited,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimBatch:
    """One ClaimJobs call. A repeat carries the same `claim_id` and gets the same runs."""

    namespace: str
    session: UUID
    claim_id: UUID
    heartbeat_number: int
    job_ids: tuple[UUID, ...]
    seats: FreeSeats = NO_LIMITS


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """How one run ended. `result` is JSON text, given with Succeeded only."""

    namespace: str
    job_id: UUID
    fence: int
    outcome: Outcome
    result: bytes | None = None
