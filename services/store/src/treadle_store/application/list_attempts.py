"""The runs of a job that did not succeed."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from treadle_domain.attempt import Attempt
from treadle_domain.errors import JobNotFound
from treadle_store.application.ports import JobRepository


@dataclass(frozen=True, slots=True)
class ListAttempts:
    jobs: JobRepository

    async def __call__(self, namespace: str, job_id: UUID) -> Sequence[Attempt]:
        """Oldest first. Raises JobNotFound, also for a job of another namespace."""
        if not await self.jobs.find(namespace, [job_id]):
            raise JobNotFound(job_id)
        return await self.jobs.attempts(job_id)
