"""Operators give ended jobs a new life."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from treadle_domain.errors import DomainError, UniqueConflict
from treadle_domain.job import Job
from treadle_domain.key_holder import KeyHolder
from treadle_domain.stored_job import StoredJob
from treadle_store.application.ask_jobs import ask_jobs
from treadle_store.application.get_jobs import GetJobs
from treadle_store.application.hand_over import HandOver
from treadle_store.application.ports import Change, Clock, JobRepository, Taking, UniqueKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryJobs:
    """A job that was unique takes its key again, or is refused while another job holds it."""

    jobs: JobRepository
    unique_keys: UniqueKeys
    clock: Clock
    hand_over: HandOver
    get_jobs: GetJobs

    async def __call__(self, namespace: str, ids: Sequence[UUID]) -> list[StoredJob | DomainError]:
        """In the order asked. A repeat is refused, since the job is PENDING by then: it does no harm."""
        now = await self.clock.now()
        holders: dict[str, KeyHolder] = {}

        async def load(ids: Collection[UUID]) -> Mapping[UUID, Job]:
            found = await self.jobs.find(namespace, ids)
            if keys := {job.unique.key for job in found.values() if job.unique is not None}:
                holders.clear()
                holders.update(await self.unique_keys.holders(namespace, keys))
            return found

        asked = await ask_jobs(load, self.jobs.save, ids, lambda job: _retry(job, holders, now))
        # Looked at before a worker can take them: the answer is what the retry made.
        found = await self.get_jobs(namespace, ids)
        await self.hand_over(asked.changed.values(), now)
        return [asked.refused.get(job_id) or found[job_id] for job_id in ids]


def _retry(job: Job, holders: dict[str, KeyHolder], now: datetime) -> Change:
    """Raises TransitionRefused, UniqueConflict."""
    after, unique = job.retry(now), job.unique
    if unique is None:
        return Change(before=job, after=after, now=now)
    holder = holders.get(unique.key)
    if holder is not None and holder.job_id != job.id and holder.still_holds(now):
        raise UniqueConflict(unique.key, holder.job_id)
    expires_at = unique.expires_from(now)
    # Of two jobs with the same key in one call the first gets it.
    holders[unique.key] = KeyHolder(
        job_id=job.id, scope=unique.scope, expires_at=expires_at, version=0, job=after
    )
    taking = Taking(
        unique=unique, version=None if holder is None else holder.version, expires_at=expires_at
    )
    return Change(before=job, after=after, now=now, taking=taking)
