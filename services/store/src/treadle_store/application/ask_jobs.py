"""One verb of the domain, asked of many jobs by a client, each answered for itself."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from uuid import UUID

from treadle_domain.errors import DomainError, JobNotFound, TransitionRefused
from treadle_domain.job import Job
from treadle_store.application.change_jobs import change_jobs
from treadle_store.application.ports import Change, JobRepository


@dataclass(slots=True)
class Asked:
    changed: dict[UUID, Job] = field(default_factory=dict)
    refused: dict[UUID, DomainError] = field(default_factory=dict)


async def ask_jobs(
    jobs: JobRepository,
    namespace: str,
    ids: Collection[UUID],
    verb: Callable[[Job], Job],
    now: datetime,
) -> Asked:
    """A job that the verb leaves as it is, is neither changed nor refused."""
    asked = Asked()

    def decide(job_id: UUID, job: Job | None) -> Change | None:
        asked.changed.pop(job_id, None)
        asked.refused.pop(job_id, None)
        if job is None:
            asked.refused[job_id] = JobNotFound(job_id)
            return None
        try:
            after = verb(job)
        except TransitionRefused as refusal:
            asked.refused[job_id] = refusal
            return None
        if after is job:
            return None
        asked.changed[job_id] = after
        return Change(before=job, after=after, now=now)

    await change_jobs(partial(jobs.find, namespace), jobs.save, ids, decide)
    return asked
