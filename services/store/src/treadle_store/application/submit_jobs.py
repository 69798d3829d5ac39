"""Jobs come in."""

from collections.abc import Sequence
from dataclasses import dataclass

from treadle_domain.errors import InvalidValue
from treadle_domain.job import Job
from treadle_domain.stored_job import NewJob, StoredJob
from treadle_store.application.errors import Unstorable
from treadle_store.application.ports import Clock, JobRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """On disk. `due`: ready now, so the caller tells the ready queue; all later ones are the announcer's."""

    job: Job
    due: bool


@dataclass(frozen=True, slots=True)
class SubmitJobs:
    jobs: JobRepository
    clock: Clock

    async def __call__(self, new_jobs: Sequence[NewJob]) -> list[Accepted | InvalidValue]:
        """In the order given. Repeating an id answers with the job of the first time."""
        now = await self.clock.now()
        stored = [
            StoredJob(job=Job.submitted(new.submission, now), payload=new.payload)
            for new in new_jobs
        ]
        answers = await self._add(stored)
        return [
            answer
            if isinstance(answer, InvalidValue)
            else Accepted(job=answer.job, due=answer.job.is_due(now))
            for answer in answers
        ]

    async def _add(self, stored: Sequence[StoredJob]) -> list[StoredJob | InvalidValue]:
        """A batch that was refused is halved until the refused job is alone: its neighbours do not suffer."""
        try:
            return [*await self.jobs.add(stored)]
        except Unstorable as error:
            if len(stored) == 1:
                return [InvalidValue("payload", str(error))]
        half = len(stored) // 2
        return await self._add(stored[:half]) + await self._add(stored[half:])
