"""Jobs whose `expires_at` passed before their first start."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from treadle_domain.job import Job
from treadle_domain.states import JobState
from treadle_store.application.change_jobs import change_jobs
from treadle_store.application.ports import (
    Change,
    Clock,
    ExpiringJobs,
    Happening,
    JobRepository,
    ReadyQueue,
    Tally,
)

PAGE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireJobs:
    expiring_jobs: ExpiringJobs
    jobs: JobRepository
    clock: Clock
    ready_queue: ReadyQueue
    tally: Tally

    async def __call__(self) -> bool:
        """True if there may be more: call again at once."""
        ids = await self.expiring_jobs.expired(PAGE)
        if ids:
            ended = await self._expire(ids, await self.clock.now())
            self.tally.count(Happening.JOB_EXPIRED, len(ended))
            await self.ready_queue.remove(ended)
        return len(ids) == PAGE

    async def _expire(self, ids: Sequence[UUID], now: datetime) -> list[Job]:
        """Those that a worker did not claim first."""
        ended: dict[UUID, Job] = {}

        def decide(job_id: UUID, job: Job | None) -> Change | None:
            ended.pop(job_id, None)
            if job is None or job.state is not JobState.PENDING or not job.has_expired(now):
                return None
            ended[job_id] = after = job.expire(now)
            return Change(before=job, after=after, now=now)

        await change_jobs(self.jobs.find_anywhere, self.jobs.save, ids, decide)
        return [*ended.values()]
