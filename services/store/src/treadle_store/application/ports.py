"""What the store's use cases need of the world. Every method may raise DatabaseUnavailable unless it says otherwise."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from treadle_domain.api_key import ApiKey
from treadle_domain.attempt import Attempt
from treadle_domain.idempotency import Idempotency
from treadle_domain.job import Job
from treadle_domain.key_holder import KeyHolder
from treadle_domain.progress import KeptProgress, ProgressReport
from treadle_domain.stored_job import JobPage, JobQuery, StoredJob
from treadle_domain.uniqueness import Uniqueness
from treadle_domain.worker_session import SessionEnd, WorkerSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Kept beside a claimed job, so that a repeated or a lost ClaimJobs call can be recognised."""

    claim_id: UUID
    heartbeat_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """A job takes a unique key: one that still has this `version`, or where that is None a free one.

    `expires_at`: the end of a window, else when somebody looks whether the key is still held.
    """

    unique: Uniqueness
    version: int | None
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """From `before`, as it was loaded, to `after`, as the domain made it at `now`.

    `result` is given with a success only, `hold` with a claim only, `payload` where it replaces the one that was,
    `taking` where the job takes its unique key again.
    """

    before: Job
    after: Job
    now: datetime
    result: bytes | None = None
    hold: Hold | None = None
    payload: bytes | None = None
    taking: Taking | None = None

    @property
    def is_end(self) -> bool:
        """Of the job, not only of a run."""
        return self.after.state.is_final and not self.before.state.is_final


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRun:
    """What is kept of a run while it lasts."""

    job_id: UUID
    fence: int
    claim_id: UUID
    heartbeat_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VoidRun:
    """A run that nobody will report on. `is_lost`: its worker died, else it gave the job back or never had it."""

    job_id: UUID
    session: UUID
    fence: int
    is_lost: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """A new job, and the key under which only one job may be added.

    `taking`: it is added together with its unique key. `instead`: nothing is added, this other job answers for it.
    `must_be_kept`: its idempotency key was found already, so it must not count as free. With `taking` or `instead` it
    was found free, and must be.
    """

    new: StoredJob
    idempotency: Idempotency | None = None
    taking: Taking | None = None
    instead: UUID | None = None
    must_be_kept: bool = False

    @property
    def answering_job(self) -> UUID:
        """Unless its idempotency key stands for yet another one."""
        return self.instead or self.new.job.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """The job as it is now, and its key as it was first kept."""

    stored: StoredJob
    idempotency: Idempotency | None = None


class JobRepository(Protocol):
    """Jobs, live and finished alike: a job that moves between the two is never missed by a read."""

    async def add(
        self,
        additions: Sequence[Addition],
        replacements: Sequence[Change] = (),
        *,
        atomic: bool = False,
    ) -> list[Added]:
        """Commits all and answers each addition: for an id or a key that was added before, with the job of then.

        A key is kept together with its job, so both are there or neither. Raises Unstorable, and HolderChanged if a
        key or a job that a decision rests on was changed meanwhile: nothing was added or replaced then. Nothing is
        either if the call is `atomic` and one of the idempotency keys stands for another request.
        """
        ...

    async def find(self, namespace: str, ids: Collection[UUID]) -> Mapping[UUID, Job]:
        """Without those that do not exist in the namespace."""
        ...

    async def find_anywhere(self, ids: Collection[UUID]) -> Mapping[UUID, Job]:
        """As `find`, in all namespaces: for what the store does by itself."""
        ...

    async def find_stored(self, namespace: str, ids: Collection[UUID]) -> Mapping[UUID, StoredJob]:
        """As `find`, with payload and result."""
        ...

    async def find_ended(
        self, namespace: str, ids: Collection[UUID], limit: int
    ) -> Sequence[StoredJob]:
        """Up to `limit` of those that have ended. Costs nothing for the others."""
        ...

    async def page(self, query: JobQuery) -> JobPage: ...

    async def save(self, changes: Sequence[Change]) -> frozenset[UUID]:
        """Commits each change whose job still has the version of `before`, together with the record of the run that
        it ended and with what the session holds; returns the ids of those that missed, also of those whose unique key
        was taken by others. Whatever ended a job has passed
        here, and JobEnds is told of it once it is on disk.

        Raises Unstorable, then none was saved. A job must not appear twice.
        """
        ...

    async def attempts(self, job_id: UUID) -> Sequence[Attempt]:
        """Oldest first, the newest KEPT_ATTEMPTS."""
        ...

    async def held_by(self, session: UUID) -> Sequence[HeldRun]:
        """The session's runs that have not ended."""
        ...

    async def drop_holds(self, runs: Sequence[VoidRun]) -> None:
        """Forgets that these runs are held; the jobs stay as they are."""
        ...

    async def cancel_requests(self, session: UUID) -> Sequence[tuple[UUID, int]]:
        """Job id and fence of the session's runs that a client asked to stop."""
        ...


class IdempotencyKeys(Protocol):
    async def kept(self, namespace: str, keys: Collection[str]) -> frozenset[str]:
        """Those that stand for a job."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class UniqueKey:
    namespace: str
    key: str
    holder: KeyHolder


class UniqueKeys(Protocol):
    async def holders(self, namespace: str, keys: Collection[str]) -> Mapping[str, KeyHolder]:
        """Without those keys that are free."""
        ...


class PrunableKeys(Protocol):
    async def expired(self, limit: int) -> Sequence[UniqueKey]:
        """Those whose `expires_at` has passed: it is time to look whether they are held."""
        ...

    async def forget(self, keys: Sequence[UniqueKey]) -> None:
        """Those that are still as they were found."""
        ...

    async def look_again(self, keys: Sequence[UniqueKey], expires_at: datetime) -> None:
        """Those that are still as they were found: not before then."""
        ...


class ApiKeys(Protocol):
    async def add(self, key: ApiKey) -> ApiKey:
        """As it is kept, with its time; a repeat changes nothing."""
        ...

    async def all(self, namespace: str | None) -> Sequence[ApiKey]:
        """Oldest first, without those that were revoked more than a day ago."""
        ...

    async def revoke(self, namespace: str, key_id: str) -> ApiKey | None:
        """For good; a repeat changes nothing. None: there is no such key."""
        ...


class ProgressRepository(Protocol):
    """What runs tell of themselves: of each job the last progress and checkpoint, of each run the log lines."""

    async def record(self, session: UUID, reports: Sequence[ProgressReport]) -> frozenset[UUID]:
        """Keeps each report whose job is RUNNING by exactly this session and fence; returns the job ids of the others.

        Whoever ends such a run waits until this has committed, so nothing of a run is written after its end.
        A checkpoint that was kept is on disk, the rest may be lost in a crash of PostgreSQL. A repeat changes nothing.
        Raises Unstorable, then none was kept. A job must not appear twice.
        """
        ...

    async def latest(self, job_ids: Collection[UUID]) -> Mapping[UUID, KeptProgress]:
        """The last progress of each job that has any."""
        ...

    async def checkpoints(self, job_ids: Collection[UUID]) -> Mapping[UUID, bytes]:
        """The last one of each job that has any."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """`is_new`: the heartbeat's number was above the last one, so the lease was extended."""

    expires_at: datetime
    is_new: bool


class SessionRepository(Protocol):
    """Worker sessions. A lease ends by the up clock, which stands still while no store reaches the database."""

    async def open(self, session: WorkerSession, lease: timedelta) -> None:
        """A repeat changes nothing."""
        ...

    async def find(self, session_id: UUID) -> WorkerSession:
        """Open or closed: what it said of itself never changes. Raises SessionNotOpen if there is none."""
        ...

    async def find_open(self, session_id: UUID) -> WorkerSession:
        """Raises SessionNotOpen."""
        ...

    async def extend(self, session_id: UUID, number: int, lease: timedelta) -> Extension:
        """A `number` not above the last one extends nothing. Raises SessionNotOpen."""
        ...

    async def close(self, session_id: UUID, end: SessionEnd) -> None:
        """For good; a repeat changes nothing."""
        ...

    async def forget_closed(self) -> None:
        """Those that closed a day ago and hold nothing."""
        ...

    async def live_types(self, namespace: str, queue: str) -> frozenset[str]:
        """All types that some session with a running lease handles for this queue."""
        ...


class Clock(Protocol):
    async def now(self) -> datetime:
        """The database's clock, the only one that judges."""
        ...


class Storage(Protocol):
    async def check(self) -> None:
        """Raises DatabaseUnavailable unless PostgreSQL answers and has our tables."""
        ...


class ReadyQueue(Protocol):
    """A hint: failures are logged and never raised."""

    async def add(self, jobs: Sequence[Job]) -> bool:
        """False when the ids could not be handed over."""
        ...

    async def remove(self, jobs: Sequence[Job]) -> None: ...


class CancelHints(Protocol):
    """A hint: failures are logged and never raised, and each call takes half a second or so at most."""

    async def publish(self, runs: Sequence[tuple[UUID, int]]) -> None:
        """Tells all workers that these runs, by job id and fence, were asked to stop."""
        ...


class JobEnds(Protocol):
    """A hint to those who wait for the ends of jobs."""

    def tell(self, job_ids: Collection[UUID]) -> None:
        """Returns at once and never raises."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    sessions_closed: int = 0
    """Those whose lease had ended."""
    runs: Sequence[VoidRun] = ()
    """Of sessions that are not open."""


class LostRuns(Protocol):
    async def take_stock(self, limit: int) -> Stock:
        """Moves the up clock on, closes the sessions whose lease ended and finds up to `limit` runs, the oldest first.

        In one short transaction; nothing while another replica has its turn.
        """
        ...


class ExpiringJobs(Protocol):
    async def expired(self, limit: int) -> Sequence[UUID]:
        """PENDING jobs that never started and whose `expires_at` has passed, of all namespaces; none while another
        replica has its turn."""
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
    handed_over: Mark | None
    """Up to there some replica pushes jobs as their times come, as long as it lives."""

    async def due(self, after: Mark, until: datetime, limit: int) -> Sequence[Job]:
        """PENDING jobs with a delay, by (run_at, id), with after < (run_at, id) and run_at <= until."""
        ...

    async def move_mark(self, mark: Mark) -> None: ...

    async def move_handed_over(self, mark: Mark) -> None: ...


class Announcements(Protocol):
    def turn(self) -> AbstractAsyncContextManager[AnnounceTurn | None]:
        """None while another replica has its turn."""
        ...


class Happening(StrEnum):
    """What is counted, since somebody should look when it grows."""

    STALE_OUTCOME = "stale_outcome"
    """A report of a claim that is void: refused."""
    STALE_PROGRESS = "stale_progress"
    """Progress, a checkpoint or log lines of a claim that is void: refused."""
    SESSION_EXPIRED = "session_expired"
    RUN_LOST = "run_lost"
    """Its session died."""
    RUN_RELEASED = "run_released"
    """Its session drained, or never learned of the claim."""
    JOB_EXPIRED = "job_expired"
    REPAIRED = "repaired"
    """An id was ready and not in the ready queue."""
    REBUILT = "rebuilt"
    """The ready queue was not what it had been: read again from PostgreSQL."""


class Tally(Protocol):
    def count(self, happening: Happening, times: int = 1) -> None: ...
