"""Submits without keys in memory, made by the domain: tests/contract compares PostgreSQL's with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tests.fakes.in_memory_store import InMemoryClock, InMemoryJobRepository

from treadle_domain.job import Job
from treadle_domain.stored_job import NewJob, StoredJob
from treadle_store.application.ports import Addition


@dataclass
class InMemoryPlainSubmits:
    jobs: InMemoryJobRepository
    clock: InMemoryClock

    async def add(self, new_jobs: Sequence[NewJob]) -> datetime | None:
        now = self.clock.time
        known = await self.jobs.find_anywhere([new.submission.id for new in new_jobs])
        made = [
            StoredJob(job=Job.submitted(new.submission, now), payload=new.payload)
            for new in new_jobs
        ]
        await self.jobs.add([Addition(new=stored) for stored in made])
        return None if known else now
