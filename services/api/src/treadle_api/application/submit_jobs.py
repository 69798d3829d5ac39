"""Clients hand in jobs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from treadle_api.application.ports import JobStore, ReadyQueue, Submits, Submitted
from treadle_domain.errors import DomainError
from treadle_domain.ids import JobIds
from treadle_domain.states import JobState
from treadle_domain.stored_job import NewJob, StoredJob


class Draft(Protocol):
    """All that a client said of a job."""

    def new_job(self, job_id: UUID, namespace: str) -> NewJob:
        """Raises InvalidValue."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitJobs:
    ids: JobIds
    submits: Submits
    job_store: JobStore
    ready_queue: ReadyQueue

    async def __call__(
        self, namespace: str, drafts: Sequence[Draft]
    ) -> list[StoredJob | DomainError]:
        """In the order given; a StoredJob is on disk. Raises InvalidValue before anything was sent."""
        new_jobs = [draft.new_job(self.ids.next(), namespace) for draft in drafts]
        answers = await self.submits.submit(namespace, new_jobs)
        due = [each.job for each in answers if isinstance(each, Submitted) and each.due]
        if due:
            await self.ready_queue.add(due)
        return [
            await self._as_stored(new, answer)
            for new, answer in zip(new_jobs, answers, strict=True)
        ]

    async def _as_stored(
        self, new: NewJob, answer: Submitted | DomainError
    ) -> StoredJob | DomainError:
        if isinstance(answer, DomainError):
            return answer
        if answer.job.state is JobState.SUCCESS:
            # The adapter had to repeat the call and the job has run meanwhile: only a read brings the result.
            return await self.job_store.get(answer.job.namespace, answer.job.id)
        return StoredJob(job=answer.job, payload=new.payload)
