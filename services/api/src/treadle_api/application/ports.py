"""What the API needs of the world."""

from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from treadle_domain.api_key import ApiKey
from treadle_domain.attempt import Attempt
from treadle_domain.errors import DomainError
from treadle_domain.queue_depth import QueuePage, QueueQuery
from treadle_domain.rank import Ranked
from treadle_domain.stored_job import JobPage, JobQuery, NewJob, StoredJob, SubmitOutcome

_BESIDE_BYTES = 1_024
"""More than names, times and options take, in a submit and in its answer."""
_LARGEST_CHARACTER_BYTES = 4


def size_of(new: NewJob) -> int:
    """An upper bound of its bytes on the way to the store."""
    characters = sum(len(key) + len(value) for key, value in new.submission.metadata.items())
    return len(new.payload) + characters * _LARGEST_CHARACTER_BYTES + _BESIDE_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """On disk. `ready`: due by the store's clock, so the ready queue is to be told; all later ones the store pushes.

    `created_at`: the job is what its submission makes at that time. None: it was there before, or something has
    happened to it; only a read tells.
    """

    job_id: UUID
    ready: Ranked | None
    created_at: datetime | None
    outcome: SubmitOutcome = SubmitOutcome.CREATED


class Submits(Protocol):
    async def submit(
        self, namespace: str, jobs: Sequence[NewJob]
    ) -> Sequence[Submitted | DomainError]:
        """In the order given; a refused job spares its neighbours. An id that is known answers with its job.

        Raises StoreError.
        """
        ...


class JobReads(Protocol):
    async def get(self, namespace: str, job_id: UUID) -> StoredJob:
        """Raises JobNotFound, StoreError."""
        ...


MOST_IDS = 1_000
"""In one call."""


@dataclass(frozen=True, slots=True)
class EndedJobs:
    jobs: Sequence[StoredJob]
    more: bool
    """Some that have ended found no room: ask again without these."""


class JobStore(Submits, JobReads, Protocol):
    """The truth about jobs. Every method answers or fails within seconds; all may raise StoreError."""

    async def submit_atomically(
        self, namespace: str, jobs: Sequence[NewJob]
    ) -> Sequence[Submitted | DomainError | None]:
        """All are stored or none: if any is refused, the others are answered with None."""
        ...

    async def ended(self, namespace: str, job_ids: Collection[UUID]) -> EndedJobs:
        """Those of up to MOST_IDS that have ended, as many as find room in one answer."""
        ...

    async def page(self, query: JobQuery) -> JobPage: ...

    async def queues(self, query: QueueQuery) -> QueuePage: ...

    async def attempts(self, namespace: str, job_id: UUID) -> Sequence[Attempt]:
        """The runs that did not succeed, oldest first. Raises JobNotFound."""
        ...

    async def cancel(self, namespace: str, job_id: UUID) -> StoredJob:
        """Repeating it changes nothing. Raises JobNotFound, TransitionRefused."""
        ...

    async def retry(self, namespace: str, job_id: UUID) -> StoredJob:
        """A new life for a job that ended badly; the store pushes its id. Raises JobNotFound, TransitionRefused."""
        ...


class ApiKeys(Protocol):
    """All may raise StoreError."""

    async def add(self, key: ApiKey) -> ApiKey:
        """As it is kept. Raises InvalidValue."""
        ...

    async def all(self, namespace: str | None) -> Sequence[ApiKey]:
        """Oldest first, without those that were revoked more than a day ago; of all namespaces for None."""
        ...

    async def revoke(self, namespace: str, key_id: str) -> ApiKey | None:
        """For good. None: there is no such key in the namespace."""
        ...


class StoreHealth(Protocol):
    async def is_serving(self) -> bool:
        """Within a second, whatever happens."""
        ...


class JobEnds(Protocol):
    """A hint: what nobody hears while it is told is lost."""

    def listen(self) -> AsyncGenerator[Collection[UUID], None]:
        """Ids of jobs that have just ended, of all namespaces, for ever. Never raises; what ended while it hears
        nothing is skipped."""
        ...


class ReadyQueue(Protocol):
    """A hint for the workers: answers within a second or so and never raises, since the store repairs what is lost."""

    async def add(self, jobs: Sequence[Ranked]) -> None: ...

    async def remove(self, jobs: Sequence[Ranked]) -> None: ...
