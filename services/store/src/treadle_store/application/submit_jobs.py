"""Jobs come in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from treadle_domain.errors import DomainError, IdempotencyMismatch, InvalidValue
from treadle_domain.job import Job
from treadle_domain.stored_job import NewJob, StoredJob
from treadle_store.application.errors import Unstorable
from treadle_store.application.ports import Added, Addition, Clock, JobRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """On disk. `due`: ready now, so the caller tells the ready queue; all later ones are the announcer's.

    `replayed`: an earlier submission with the same key made this job.
    """

    job: Job
    due: bool
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class SubmitJobs:
    jobs: JobRepository
    clock: Clock

    async def __call__(self, new_jobs: Sequence[NewJob]) -> list[Accepted | DomainError]:
        """In the order given. Repeating an id, or a key, answers with the job of the first time."""
        now = await self.clock.now()
        additions = [_addition(new, now) for new in new_jobs]
        answers = await self._add(additions)
        return [
            added if isinstance(added, DomainError) else _answer(addition, added, now)
            for addition, added in zip(additions, answers, strict=True)
        ]

    async def _add(self, additions: Sequence[Addition]) -> list[Added | InvalidValue]:
        """A batch that was refused is halved until the refused job is alone: its neighbours do not suffer."""
        try:
            return [*await self.jobs.add(additions)]
        except Unstorable as error:
            if len(additions) == 1:
                return [InvalidValue("payload", str(error))]
        half = len(additions) // 2
        return await self._add(additions[:half]) + await self._add(additions[half:])


def _addition(new: NewJob, now: datetime) -> Addition:
    stored = StoredJob(job=Job.submitted(new.submission, now), payload=new.payload)
    return Addition(new=stored, idempotency=new.submission.idempotency)


def _answer(addition: Addition, added: Added, now: datetime) -> Accepted | IdempotencyMismatch:
    asked, job = addition.idempotency, added.stored.job
    if asked is not None and added.idempotency != asked:
        return IdempotencyMismatch(asked.key)
    return Accepted(job=job, due=job.is_due(now), replayed=job.id != addition.new.job.id)
