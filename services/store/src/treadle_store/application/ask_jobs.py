"""One verb of the domain, asked of many jobs by a client, each answered for itself."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from treadle_domain.errors import DomainError, JobNotFound
from treadle_domain.job import Job
from treadle_store.application.change_jobs import change_jobs
from treadle_store.application.ports import Change


@dataclass(slots=True)
class Asked:
    changed: dict[UUID, Job] = field(default_factory=dict)
    refused: dict[UUID, DomainError] = field(default_factory=dict)


async def ask_jobs(
    load: Callable[[Collection[UUID]], Awaitable[Mapping[UUID, Job]]],
    save: Callable[[Sequence[Change]], Awaitable[frozenset[UUID]]],
    ids: Collection[UUID],
    change: Callable[[Job], Change],
) -> Asked:
    """`change` may raise DomainError. A job that it leaves as it is, is neither changed nor refused."""
    asked = Asked()

    def decide(job_id: UUID, job: Job | None) -> Change | None:
        asked.changed.pop(job_id, None)
        asked.refused.pop(job_id, None)
        try:
            if job is None:
                raise JobNotFound(job_id)
            decided = change(job)
        except DomainError as refusal:
            asked.refused[job_id] = refusal
            return None
        if decided.after is job:
            return None
        asked.changed[job_id] = decided.after
        return decided

    await change_jobs(load, save, ids, decide)
    return asked
