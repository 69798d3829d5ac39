"""Clients stop jobs."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from treadle_domain.errors import DomainError
from treadle_domain.stored_job import StoredJob
from treadle_store.application.ask_jobs import ask_jobs
from treadle_store.application.ports import Clock, JobRepository


@dataclass(frozen=True, slots=True)
class CancelJobs:
    jobs: JobRepository
    clock: Clock

    async def __call__(self, namespace: str, ids: Sequence[UUID]) -> list[StoredJob | DomainError]:
        """In the order asked. Whoever asked takes the ids out of the ready queue."""
        now = await self.clock.now()
        asked = await ask_jobs(self.jobs, namespace, ids, lambda job: job.cancel(now), now)
        found = await self.jobs.find_stored(namespace, ids)
        return [asked.refused.get(job_id) or found[job_id] for job_id in ids]
