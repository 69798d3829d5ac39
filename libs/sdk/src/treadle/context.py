"""What a handler may know about the run that it is part of."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class JobContext:
    """One run of a job.

    `attempt` counts from 1 and is charged for runs that ended by themselves; `fence` grows with every start,
    interrupted ones included, so (job_id, fence) names this run and no other.
    """

    job_id: UUID
    type: str
    queue: str
    namespace: str
    attempt: int
    max_attempts: int
    fence: int
    timeout: timedelta
    created_at: datetime
    metadata: Mapping[str, str]
