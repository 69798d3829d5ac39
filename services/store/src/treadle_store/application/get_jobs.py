"""Clients look at jobs."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from uuid import UUID

from treadle_domain.stored_job import StoredJob
from treadle_store.application.ports import JobRepository, ProgressRepository

MOST_ENDED = 32
"""In one answer: a call costs little beside them, and the store holds them all, however large they are."""
MAX_ANSWER_BYTES = 7 * 1024 * 1024
"""Of their payloads and results; a message may have 8 MiB."""


@dataclass(frozen=True, slots=True)
class EndedJobs:
    jobs: Sequence[StoredJob]
    more: bool
    """Some that have ended found no room."""


@dataclass(frozen=True, slots=True)
class FoundJobs:
    jobs: Mapping[UUID, StoredJob]
    left_out: Collection[UUID]
    """They were found, but no room for them."""


@dataclass(frozen=True, slots=True)
class GetJobs:
    jobs: JobRepository
    progress: ProgressRepository

    async def __call__(self, namespace: str, ids: Collection[UUID]) -> Mapping[UUID, StoredJob]:
        """With what each told last, and without those that do not exist in the namespace."""
        found = await self.jobs.find_stored(namespace, ids)
        shown = await self._with_progress([*found.values()])
        return {stored.job.id: stored for stored in shown}

    async def in_one_answer(self, namespace: str, ids: Collection[UUID]) -> FoundJobs:
        """As many of them as find room."""
        found = await self(namespace, ids)
        fitting = {stored.job.id: stored for stored in _fitting([*found.values()])}
        return FoundJobs(fitting, found.keys() - fitting.keys())

    async def ended(self, namespace: str, ids: Collection[UUID]) -> EndedJobs:
        """Those that have ended, in full, as many as find room in one answer."""
        found = await self.jobs.find_ended(namespace, ids, MOST_ENDED)
        fitting = _fitting(found)
        more = len(found) == MOST_ENDED or len(fitting) < len(found)
        return EndedJobs(await self._with_progress(fitting), more)

    async def _with_progress(self, found: Sequence[StoredJob]) -> Sequence[StoredJob]:
        told = await self.progress.latest([s.job.id for s in found if s.job.fence])
        return [replace(stored, progress=told.get(stored.job.id)) for stored in found]


def _fitting(found: Sequence[StoredJob]) -> Sequence[StoredJob]:
    """The first always, however large."""
    sizes = accumulate(len(stored.payload) + len(stored.result or b"") for stored in found)
    return found[: max(1, sum(size <= MAX_ANSWER_BYTES for size in sizes))]
