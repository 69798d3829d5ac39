"""Operators give ended jobs a new life."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from treadle_domain.errors import DomainError
from treadle_domain.stored_job import StoredJob
from treadle_store.application.ask_jobs import ask_jobs
from treadle_store.application.get_jobs import GetJobs
from treadle_store.application.hand_over import HandOver
from treadle_store.application.ports import Clock, JobRepository


@dataclass(frozen=True, slots=True)
class RetryJobs:
    jobs: JobRepository
    clock: Clock
    hand_over: HandOver
    get_jobs: GetJobs

    async def __call__(self, namespace: str, ids: Sequence[UUID]) -> list[StoredJob | DomainError]:
        """In the order asked. A repeat is refused, since the job is PENDING by then: it does no harm."""
        now = await self.clock.now()
        asked = await ask_jobs(self.jobs, namespace, ids, lambda job: job.retry(now), now)
        await self.hand_over(asked.changed.values(), now)
        found = await self.get_jobs(namespace, ids)
        return [asked.refused.get(job_id) or found[job_id] for job_id in ids]
