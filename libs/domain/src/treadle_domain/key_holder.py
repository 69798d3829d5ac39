"""Whether a unique key is still taken."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from treadle_domain.job import Job
from treadle_domain.states import JobState
from treadle_domain.uniqueness import UniqueScope


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyHolder:
    """What is kept of a key, and the job that took it, None if that was deleted.

    `version` is another one with every taking, also by the same job. `expires_at` is for a window.
    """

    job_id: UUID
    scope: UniqueScope
    expires_at: datetime
    version: int
    job: Job | None

    def still_holds(self, now: datetime) -> bool:
        """If not, whoever comes next may take the key."""
        job = self.job
        if job is None:
            return False
        match self.scope:
            case UniqueScope.PENDING:
                waits = job.state is JobState.PENDING and not job.has_started
                return waits and not job.has_expired(now)
            case UniqueScope.ACTIVE:
                return not job.state.is_final and not job.has_expired(now)
            case UniqueScope.WINDOW:
                return now < self.expires_at
