"""Clients hand in jobs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from treadle_api.application.ports import JobStore, ReadyQueue, Submits, Submitted
from treadle_domain.errors import DomainError
from treadle_domain.ids import JobIds
from treadle_domain.job import Job
from treadle_domain.stored_job import NewJob, StoredJob, SubmitOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Of a job that is on disk."""

    stored: StoredJob
    outcome: SubmitOutcome


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
    ) -> list[Receipt | DomainError]:
        """In the order given. Raises InvalidValue before anything was sent."""
        new_jobs = [draft.new_job(self.ids.next(), namespace) for draft in drafts]
        answers = await self.submits.submit(namespace, new_jobs)
        ready = [each.ready for each in answers if isinstance(each, Submitted) and each.ready]
        if ready:
            await self.ready_queue.add(ready)
        return [
            answer if isinstance(answer, DomainError) else await self._receipt(new, answer)
            for new, answer in zip(new_jobs, answers, strict=True)
        ]

    async def _receipt(self, new: NewJob, answer: Submitted) -> Receipt:
        if answer.created_at is not None:
            job = Job.submitted(new.submission, answer.created_at)
            stored = StoredJob(job=job, payload=new.payload)
        else:
            stored = await self.job_store.get(new.submission.namespace, answer.job_id)
        return Receipt(stored=stored, outcome=answer.outcome)
