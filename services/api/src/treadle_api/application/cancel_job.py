"""A client stops a job."""

from dataclasses import dataclass
from uuid import UUID

from treadle_api.application.ports import JobStore, ReadyQueue
from treadle_domain.states import JobState
from treadle_domain.stored_job import StoredJob


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelJob:
    job_store: JobStore
    ready_queue: ReadyQueue

    async def __call__(self, namespace: str, job_id: UUID) -> StoredJob:
        """A running job is only asked to stop. Raises JobNotFound, TransitionRefused."""
        stored = await self.job_store.cancel(namespace, job_id)
        if stored.job.state is JobState.CANCELLED:
            await self.ready_queue.remove([stored.job])
        return stored
