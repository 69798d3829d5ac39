"""Clients look at jobs."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from treadle_domain.stored_job import StoredJob
from treadle_store.application.ports import JobRepository, ProgressRepository


@dataclass(frozen=True, slots=True)
class GetJobs:
    jobs: JobRepository
    progress: ProgressRepository

    async def __call__(self, namespace: str, ids: Collection[UUID]) -> Mapping[UUID, StoredJob]:
        """With what each told last, and without those that do not exist in the namespace."""
        found = await self.jobs.find_stored(namespace, ids)
        told = await self.progress.latest([i for i, stored in found.items() if stored.job.fence])
        return {i: replace(stored, progress=told.get(i)) for i, stored in found.items()}
