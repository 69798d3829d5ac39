"""The API's ports in memory; tests/contract/test_api_job_store.py asks the same of this and of gRPC."""

from collections.abc import Collection, Sequence
from uuid import UUID

from tests.fakes.store_over_memory import StoreOverMemory

from treadle_api.application.ports import EndedJobs, Submitted
from treadle_domain.attempt import Attempt
from treadle_domain.errors import DomainError, JobNotFound
from treadle_domain.queue_depth import QueuePage, QueueQuery
from treadle_domain.rank import Ranked
from treadle_domain.stored_job import JobPage, JobQuery, NewJob, StoredJob, SubmitOutcome
from treadle_store.application.submit_jobs import Accepted, Answer


class InMemoryJobStore:
    """Over the store's own use cases. `outage` is raised instead of every answer while it is set; `looks` counts the
    questions for ended jobs."""

    def __init__(self, store: StoreOverMemory | None = None) -> None:
        self.store = store or StoreOverMemory()
        self.outage: Exception | None = None
        self.looks = 0

    async def submit(
        self, namespace: str, jobs: Sequence[NewJob]
    ) -> Sequence[Submitted | DomainError]:
        self._answers()
        answers = await self.store.do.submit_jobs(jobs)
        return [answer for each in answers if (answer := _submitted(each)) is not None]

    async def submit_atomically(
        self, namespace: str, jobs: Sequence[NewJob]
    ) -> Sequence[Submitted | DomainError | None]:
        self._answers()
        return [_submitted(each) for each in await self.store.do.submit_jobs(jobs, atomic=True)]

    async def get(self, namespace: str, job_id: UUID) -> StoredJob:
        self._answers()
        found = await self.store.do.get_jobs(namespace, [job_id])
        if job_id not in found:
            raise JobNotFound(job_id)
        return found[job_id]

    async def ended(self, namespace: str, job_ids: Collection[UUID]) -> EndedJobs:
        self.looks += 1
        self._answers()
        found = await self.store.do.get_jobs.ended(namespace, job_ids)
        return EndedJobs(found.jobs, found.more)

    async def page(self, query: JobQuery) -> JobPage:
        self._answers()
        return await self.store.jobs.page(query)

    async def queues(self, query: QueueQuery) -> QueuePage:
        self._answers()
        return await self.store.queue_depths.page(query)

    async def attempts(self, namespace: str, job_id: UUID) -> Sequence[Attempt]:
        self._answers()
        return await self.store.do.list_attempts(namespace, job_id)

    async def cancel(self, namespace: str, job_id: UUID) -> StoredJob:
        self._answers()
        return _only(await self.store.do.cancel_jobs(namespace, [job_id]))

    async def retry(self, namespace: str, job_id: UUID) -> StoredJob:
        self._answers()
        return _only(await self.store.do.retry_jobs(namespace, [job_id]))

    def _answers(self) -> None:
        if self.outage is not None:
            raise self.outage


def _submitted(answer: Answer) -> Submitted | DomainError | None:
    if not isinstance(answer, Accepted):
        return answer
    is_known = answer.outcome is SubmitOutcome.CREATED and answer.job.is_as_submitted
    return Submitted(
        job_id=answer.job.id,
        ready=answer.job if answer.due else None,
        created_at=answer.job.created_at if is_known else None,
        outcome=answer.outcome,
    )


def _only(answers: Sequence[StoredJob | DomainError]) -> StoredJob:
    [answer] = answers
    if isinstance(answer, DomainError):
        raise answer
    return answer


class InMemoryReadyQueue:
    def __init__(self) -> None:
        self.ids: list[UUID] = []

    async def add(self, jobs: Sequence[Ranked]) -> None:
        self.ids += [job.id for job in jobs if job.id not in self.ids]

    async def remove(self, jobs: Sequence[Ranked]) -> None:
        gone = {job.id for job in jobs}
        self.ids = [job_id for job_id in self.ids if job_id not in gone]


class StoreHealthAnswer:
    def __init__(self) -> None:
        self.serving = True

    async def is_serving(self) -> bool:
        return self.serving
