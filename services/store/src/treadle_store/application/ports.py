"""What the store's use cases need of the world. Every method may raise DatabaseUnavailable unless it says otherwise."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from treadle_domain.attempt import Attempt
from treadle_domain.job import Job
from treadle_domain.stored_job import JobPage, JobQuery, StoredJob
from treadle_domain.worker_session import SessionEnd, WorkerSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Kept beside a claimed job, so that a repeated or a lost ClaimJobs call can be recognised."""

    claim_id: UUID
    heartbeat_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """From `before`, as it was loaded, to `after`, as the domain made it at `now`.

    `result` is given with a success only, `hold` with a claim only.
    """

    before: Job
    after: Job
    now: datetime
    result: bytes | None = None
    hold: Hold | None = None


class JobRepository(Protocol):
    """Jobs, live and finished alike: a job that moves between the two is never missed by a read."""

    async def add(self, jobs: Sequence[StoredJob]) -> list[StoredJob]:
        """Commits all and returns each as it is now: for an id that was added before, the job of then.

        Raises Unstorable, then none was added.
        """
        ...

    async def find(self, namespace: str, ids: Collection[UUID]) -> Mapping[UUID, Job]:
        """Without those that do not exist in the namespace."""
        ...

    async def find_stored(self, namespace: str, ids: Collection[UUID]) -> Mapping[UUID, StoredJob]:
        """As `find`, with payload and result."""
        ...

    async def page(self, query: JobQuery) -> JobPage: ...

    async def save(self, changes: Sequence[Change]) -> frozenset[UUID]:
        """Commits each change whose job still has the version of `before`, together with the record of the run that
        it ended and with what the session holds; returns the ids of those that missed.

        Raises Unstorable, then none was saved. A job must not appear twice.
        """
        ...

    async def attempts(self, job_id: UUID) -> Sequence[Attempt]:
        """Oldest first, the newest KEPT_ATTEMPTS."""
        ...

    async def held_by_claim(self, session: UUID, claim_id: UUID) -> Mapping[UUID, int]:
        """Job id to fence of the runs that this ClaimJobs call got and that have not ended."""
        ...

    async def cancel_requests(self, session: UUID) -> Sequence[tuple[UUID, int]]:
        """Job id and fence of the session's runs that a client asked to stop."""
        ...


class SessionRepository(Protocol):
    """Worker sessions; their time is the database's."""

    async def open(self, session: WorkerSession, lease: timedelta) -> None:
        """A repeat changes nothing."""
        ...

    async def find_open(self, session_id: UUID) -> WorkerSession:
        """Raises SessionNotOpen."""
        ...

    async def extend(self, session_id: UUID, number: int, lease: timedelta) -> datetime:
        """Returns the end of the lease. A `number` not above the last one extends nothing. Raises SessionNotOpen."""
        ...

    async def close(self, session_id: UUID, end: SessionEnd) -> None:
        """For good; a repeat changes nothing."""
        ...

    async def live_types(self, namespace: str, queue: str) -> frozenset[str]:
        """All types that some session with a running lease handles for this queue."""
        ...


class Clock(Protocol):
    async def now(self) -> datetime:
        """The database's clock, the only one that judges."""
        ...


class ReadyQueue(Protocol):
    """A hint: failures are logged and never raised."""

    async def add(self, jobs: Sequence[Job]) -> bool:
        """False when the ids could not be handed over."""
        ...


@dataclass(frozen=True, slots=True)
class Mark:
    """All delayed jobs up to and with this place in the order (run_at, id) were announced."""

    run_at: datetime
    job_id: UUID


class AnnounceTurn(Protocol):
    """One short transaction in which no other replica announces."""

    now: datetime
    mark: Mark

    async def due(self, after: Mark, until: datetime, limit: int) -> Sequence[Job]:
        """PENDING jobs with a delay, by (run_at, id), with after < (run_at, id) and run_at <= until."""
        ...

    async def move_mark(self, mark: Mark) -> None: ...


class Announcements(Protocol):
    def turn(self) -> AbstractAsyncContextManager[AnnounceTurn | None]:
        """None while another replica has its turn."""
        ...
