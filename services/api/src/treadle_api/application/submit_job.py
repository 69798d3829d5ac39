"""A client hands in a job."""

from dataclasses import dataclass

from treadle_api.application.ports import JobStore, ReadyQueue, Submits, Submitted
from treadle_domain.errors import DomainError
from treadle_domain.job import Job
from treadle_domain.stored_job import NewJob, StoredJob, SubmitOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Of a job that is on disk."""

    stored: StoredJob
    outcome: SubmitOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitJob:
    submits: Submits
    job_store: JobStore
    ready_queue: ReadyQueue

    async def __call__(self, new: NewJob) -> Receipt:
        """Raises DomainError, StoreError."""
        [answer] = await self.submits.submit(new.submission.namespace, [new])
        if isinstance(answer, DomainError):
            raise answer
        if answer.ready:
            await self.ready_queue.add([answer.ready])
        return Receipt(stored=await self._stored(new, answer), outcome=answer.outcome)

    async def _stored(self, new: NewJob, answer: Submitted) -> StoredJob:
        if answer.created_at is None:
            return await self.job_store.get(new.submission.namespace, answer.job_id)
        job = Job.submitted(new.submission, answer.created_at)
        return StoredJob(job=job, payload=new.payload)
