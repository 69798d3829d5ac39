"""Clients stop jobs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from treadle_domain.errors import DomainError
from treadle_domain.job import Job
from treadle_domain.states import JobState
from treadle_domain.stored_job import StoredJob
from treadle_store.application.ask_jobs import ask_jobs
from treadle_store.application.get_jobs import GetJobs
from treadle_store.application.ports import CancelHints, Change, Clock, JobRepository


@dataclass(frozen=True, slots=True)
class CancelJobs:
    jobs: JobRepository
    clock: Clock
    hints: CancelHints
    get_jobs: GetJobs

    async def __call__(self, namespace: str, ids: Sequence[UUID]) -> list[StoredJob | DomainError]:
        """In the order asked. Whoever asked takes the ids out of the ready queue.

        The workers of those that run hear of it at once, and of a repeat again: their first hint may be lost.
        """
        now = await self.clock.now()

        def change(job: Job) -> Change:
            return Change(before=job, after=job.cancel(now), now=now)

        asked = await ask_jobs(partial(self.jobs.find, namespace), self.jobs.save, ids, change)
        found = await self.get_jobs(namespace, ids)
        await self._tell_workers(found.values())
        return [asked.refused.get(job_id) or found[job_id] for job_id in ids]

    async def _tell_workers(self, found: Iterable[StoredJob]) -> None:
        jobs = [stored.job for stored in found]
        runs = [
            (job.id, job.fence)
            for job in jobs
            if job.state is JobState.RUNNING and job.cancel_requested_at is not None
        ]
        if runs:
            await self.hints.publish(runs)
