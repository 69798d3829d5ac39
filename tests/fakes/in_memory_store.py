"""The store's repositories in memory, with the semantics of PostgreSQL's: tests/contract runs one suite on both."""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from tests.fakes.in_memory_job_ends import InMemoryJobEnds

from treadle_domain.attempt import KEPT_ATTEMPTS, Attempt
from treadle_domain.errors import SessionNotOpen
from treadle_domain.idempotency import Idempotency
from treadle_domain.job import Job
from treadle_domain.key_holder import KeyHolder
from treadle_domain.states import JobState
from treadle_domain.stored_job import JobPage, JobQuery, Position, StoredJob
from treadle_domain.uniqueness import Uniqueness
from treadle_domain.worker_session import SessionEnd, WorkerSession
from treadle_store.application.errors import HolderChanged, Unstorable
from treadle_store.application.ports import (
    Added,
    Addition,
    Change,
    Extension,
    Happening,
    HeldRun,
    Mark,
    Stock,
    Taking,
    VoidRun,
)


class InMemoryClock:
    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)
        self._up = timedelta(0)
        self._ticked_at = self.time

    async def now(self) -> datetime:
        return self.time

    def advance(self, by: timedelta) -> None:
        """Without ticks: as in an outage, the up clock all but stands still."""
        self.time += by

    @property
    def up(self) -> timedelta:
        since = self.time - self._ticked_at
        return self._up + min(max(since, timedelta(0)), timedelta(seconds=2))

    def tick(self) -> None:
        self._up, self._ticked_at = self.up, self.time


class InMemoryIdempotencyKeys:
    """By namespace and key; they are kept for ever."""

    def __init__(self) -> None:
        self.holders: dict[tuple[str, str], tuple[UUID, Idempotency]] = {}

    def first(self, additions: Sequence[Addition], addition: Addition) -> Idempotency | None:
        """That the key of this addition stands for, or will once these are added."""
        place = _place_of(addition)
        if place is None or addition.idempotency is None:
            return None
        if place in self.holders:
            return self.holders[place][1]
        return next(each.idempotency for each in additions if _place_of(each) == place)

    async def kept(self, namespace: str, keys: Collection[str]) -> frozenset[str]:
        return frozenset(key for key in keys if (namespace, key) in self.holders)


class InMemoryUniqueKeys:
    def __init__(self, jobs: "InMemoryJobRepository") -> None:
        self._jobs = jobs
        self._taken: dict[tuple[str, str], tuple[UUID, Taking, int]] = {}

    def version(self, namespace: str, unique: Uniqueness) -> int | None:
        taken = self._taken.get((namespace, unique.key))
        return None if taken is None else taken[2]

    def take(self, job: Job, taking: Taking) -> None:
        version = (taking.version or 0) + 1
        self._taken[job.namespace, taking.unique.key] = (job.id, taking, version)

    async def holders(self, namespace: str, keys: Collection[str]) -> Mapping[str, KeyHolder]:
        found = {key: self._taken.get((namespace, key)) for key in keys}
        return {key: await self._with_job(*taken) for key, taken in found.items() if taken}

    async def _with_job(self, job_id: UUID, taking: Taking, version: int) -> KeyHolder:
        jobs = await self._jobs.find_anywhere([job_id])
        return KeyHolder(
            job_id=job_id,
            scope=taking.unique.scope,
            expires_at=taking.expires_at,
            version=version,
            job=jobs.get(job_id),
        )


class InMemoryJobRepository:
    """`unstorable`: what a payload or result holds that PostgreSQL would refuse."""

    unstorable = b"\x00"

    def __init__(self, ends: InMemoryJobEnds | None = None) -> None:
        self._ends = InMemoryJobEnds() if ends is None else ends
        self._jobs: dict[UUID, StoredJob] = {}
        self.idempotency_keys = InMemoryIdempotencyKeys()
        self.unique_keys = InMemoryUniqueKeys(self)
        self._attempts: dict[UUID, list[Attempt]] = {}
        self.held: dict[tuple[UUID, UUID], HeldRun] = {}

    async def add(
        self,
        additions: Sequence[Addition],
        replacements: Sequence[Change] = (),
        *,
        atomic: bool = False,
    ) -> list[Added]:
        payloads = [*(a.new.payload for a in additions), *(c.payload for c in replacements)]
        if any(self.unstorable in payload for payload in payloads if payload):
            raise Unstorable("a NUL byte")
        kept = [self.idempotency_keys.first(additions, each) for each in additions]
        if atomic and kept != [each.idempotency for each in additions]:
            return [
                Added(stored=each.new, idempotency=first)
                for each, first in zip(additions, kept, strict=True)
            ]
        new = [each for each in additions if self._is_new(each)]
        if not self._may_take((a.new.job, a.taking) for a in new) or any(
            not self._matches(change.before) for change in replacements
        ):
            raise HolderChanged
        for change in replacements:
            self._apply(change)
        return [self._added(each) for each in additions]

    async def find(self, namespace: str, ids: Collection[UUID]) -> Mapping[UUID, Job]:
        stored = await self.find_stored(namespace, ids)
        return {job_id: found.job for job_id, found in stored.items()}

    async def find_anywhere(self, ids: Collection[UUID]) -> Mapping[UUID, Job]:
        return {i: self._jobs[i].job for i in ids if i in self._jobs}

    async def find_stored(self, namespace: str, ids: Collection[UUID]) -> Mapping[UUID, StoredJob]:
        return self.stored(namespace, ids)

    def stored(self, namespace: str, ids: Collection[UUID]) -> Mapping[UUID, StoredJob]:
        found = {job_id: self._jobs[job_id] for job_id in ids if job_id in self._jobs}
        return {i: stored for i, stored in found.items() if stored.job.namespace == namespace}

    async def find_ended(
        self, namespace: str, ids: Collection[UUID], limit: int
    ) -> Sequence[StoredJob]:
        found = await self.find_stored(namespace, ids)
        return [stored for stored in found.values() if stored.job.state.is_final][:limit]

    async def page(self, query: JobQuery) -> JobPage:
        fitting = [stored.job for stored in self._jobs.values() if _fits(stored.job, query)]
        newest = sorted(fitting, key=lambda job: (job.created_at, job.id), reverse=True)
        shown, more = newest[: query.limit], newest[query.limit :]
        last = shown[-1] if more else None
        place = None if last is None else Position(created_at=last.created_at, job_id=last.id)
        return JobPage(jobs=tuple(shown), next=place)

    async def save(self, changes: Sequence[Change]) -> frozenset[UUID]:
        if any(change.result and self.unstorable in change.result for change in changes):
            raise Unstorable("a NUL byte")
        missed = {c.after.id for c in changes if not self._matches(c.before)}
        takings = [(c.after, c.taking) for c in changes if c.taking is not None]
        if not self._may_take(takings) or any(job.id in missed for job, _ in takings):
            return frozenset(change.after.id for change in changes)
        for change in changes:
            if change.after.id not in missed:
                self._apply(change)
        self._ends.tell([c.after.id for c in changes if c.is_end and c.after.id not in missed])
        return frozenset(missed)

    async def attempts(self, job_id: UUID) -> Sequence[Attempt]:
        return self._attempts.get(job_id, [])[-KEPT_ATTEMPTS:]

    async def held_by(self, session: UUID) -> Sequence[HeldRun]:
        return [run for (holder, _), run in self.held.items() if holder == session]

    async def drop_holds(self, runs: Sequence[VoidRun]) -> None:
        for run in runs:
            held = self.held.get((run.session, run.job_id))
            if held is not None and held.fence == run.fence:
                del self.held[run.session, run.job_id]

    async def cancel_requests(self, session: UUID) -> Sequence[tuple[UUID, int]]:
        mine = [run for run in await self.held_by(session) if run.job_id in self._jobs]
        asked = [r for r in mine if self._jobs[r.job_id].job.cancel_requested_at is not None]
        return [(run.job_id, run.fence) for run in asked]

    def all(self) -> Sequence[Job]:
        return [stored.job for stored in self._jobs.values()]

    def vanish(self, job_id: UUID) -> None:
        """As if somebody deleted the row by hand."""
        del self._jobs[job_id]

    def _is_new(self, addition: Addition) -> bool:
        place = _place_of(addition)
        is_free = place not in self.idempotency_keys.holders
        must_be_free = addition.taking is not None or addition.instead is not None
        if (must_be_free and not is_free) or (addition.must_be_kept and is_free):
            raise HolderChanged
        return (place is None or is_free) and addition.instead is None

    def _may_take(self, takings: Iterable[tuple[Job, Taking | None]]) -> bool:
        return all(
            taking is None
            or self.unique_keys.version(job.namespace, taking.unique) == taking.version
            for job, taking in takings
        )

    def _added(self, addition: Addition) -> Added:
        place, job_id, kept = _place_of(addition), addition.answering_job, addition.idempotency
        if place is not None and kept is not None:
            job_id, kept = self.idempotency_keys.holders.setdefault(place, (job_id, kept))
        if job_id == addition.new.job.id:
            self._jobs.setdefault(job_id, addition.new)
            if addition.taking is not None:
                self.unique_keys.take(addition.new.job, addition.taking)
        return Added(stored=self._jobs[job_id], idempotency=kept)

    def _matches(self, before: Job) -> bool:
        return before.id in self._jobs and self._jobs[before.id].job.version == before.version

    def _apply(self, change: Change) -> None:
        before, after = change.before, change.after
        payload = change.payload or self._jobs[after.id].payload
        if change.taking is not None:
            self.unique_keys.take(after, change.taking)
        self._jobs[after.id] = StoredJob(job=after, payload=payload, result=change.result)
        if change.hold is not None and after.session is not None:
            self.held[after.session, after.id] = HeldRun(
                job_id=after.id,
                fence=after.fence,
                claim_id=change.hold.claim_id,
                heartbeat_number=change.hold.heartbeat_number,
            )
        if before.state is JobState.RUNNING and after.state is not JobState.RUNNING:
            assert before.session is not None
            self.held.pop((before.session, before.id), None)
        attempt = Attempt.ended_by(before, after, change.now)
        if attempt is not None:
            self._attempts.setdefault(after.id, []).append(attempt)


def _place_of(addition: Addition) -> tuple[str, str] | None:
    asked = addition.idempotency
    return None if asked is None else (addition.new.job.namespace, asked.key)


def _fits(job: Job, query: JobQuery) -> bool:
    place = None if query.after is None else (query.after.created_at, query.after.job_id)
    return (
        job.namespace == query.namespace
        and (not query.states or job.state in query.states)
        and query.queue in (None, job.queue)
        and query.type in (None, job.type)
        and query.metadata.items() <= job.metadata.items()
        and (place is None or (job.created_at, job.id) < place)
        and _within(job.created_at, query.created_after, query.created_before)
        and _within(job.finished_at, query.finished_after, query.finished_before)
        and (query.attempt_above is None or job.attempt > query.attempt_above)
    )


def _within(moment: datetime | None, start: datetime | None, end: datetime | None) -> bool:
    if moment is None:
        return start is end is None
    return (start is None or start <= moment) and (end is None or moment < end)


@dataclass
class _Stay:
    session: WorkerSession
    expires_at: datetime
    expires_up: timedelta
    heartbeat_number: int = 0
    closed: tuple[datetime, SessionEnd] | None = None


class InMemorySessionRepository:
    def __init__(self, clock: InMemoryClock) -> None:
        self._clock = clock
        self.stays: dict[UUID, _Stay] = {}

    async def open(self, session: WorkerSession, lease: timedelta) -> None:
        stay = _Stay(session, self._clock.time + lease, self._clock.up + lease)
        self.stays.setdefault(session.id, stay)

    async def find(self, session_id: UUID) -> WorkerSession:
        if session_id not in self.stays:
            raise SessionNotOpen(session_id)
        return self.stays[session_id].session

    async def find_open(self, session_id: UUID) -> WorkerSession:
        return self._open(session_id).session

    async def extend(self, session_id: UUID, number: int, lease: timedelta) -> Extension:
        stay = self._open(session_id)
        is_new = number > stay.heartbeat_number
        if is_new:
            stay.heartbeat_number, stay.expires_at = number, self._clock.time + lease
            stay.expires_up = self._clock.up + lease
        return Extension(expires_at=stay.expires_at, is_new=is_new)

    async def close(self, session_id: UUID, end: SessionEnd) -> None:
        if session_id in self.stays and self.stays[session_id].closed is None:
            self.stays[session_id].closed = (self._clock.time, end)

    async def forget_closed(self) -> None:
        day_ago = self._clock.time - timedelta(days=1)
        for session_id, stay in [*self.stays.items()]:
            if stay.closed is not None and stay.closed[0] < day_ago:
                del self.stays[session_id]

    async def live_types(self, namespace: str, queue: str) -> frozenset[str]:
        serving = [
            stay.session
            for stay in self.stays.values()
            if stay.closed is None
            and stay.expires_up > self._clock.up
            and namespace in stay.session.namespaces
            and queue in stay.session.queues
        ]
        return frozenset(name for session in serving for name in session.handlers)

    def is_lost(self, session_id: UUID) -> bool | None:
        """None while it is open."""
        stay = self.stays.get(session_id)
        if stay is None:
            return True
        return None if stay.closed is None else stay.closed[1] is not SessionEnd.DRAINED

    def _open(self, session_id: UUID) -> _Stay:
        stay = self.stays.get(session_id)
        if stay is None or stay.closed is not None:
            raise SessionNotOpen(session_id)
        return stay


class InMemoryReadyQueue:
    """`down`: does not answer."""

    def __init__(self) -> None:
        self.jobs: dict[UUID, Job] = {}
        self.down = False

    async def add(self, jobs: Sequence[Job]) -> bool:
        if not self.down:
            self.jobs |= {job.id: job for job in jobs}
        return not self.down

    async def remove(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            self.jobs.pop(job.id, None)


class InMemoryCancelHints:
    def __init__(self) -> None:
        self.published: list[tuple[UUID, int]] = []

    async def publish(self, runs: Sequence[tuple[UUID, int]]) -> None:
        self.published += runs


class InMemoryTally:
    def __init__(self) -> None:
        self.counts: Counter[Happening] = Counter()

    def count(self, happening: Happening, times: int = 1) -> None:
        self.counts[happening] += times


@dataclass
class InMemoryLostRuns:
    jobs: InMemoryJobRepository
    sessions: InMemorySessionRepository
    clock: InMemoryClock

    async def take_stock(self, limit: int) -> Stock:
        self.clock.tick()
        expired = [
            stay
            for stay in self.sessions.stays.values()
            if stay.closed is None and stay.expires_up < self.clock.up
        ]
        for stay in expired:
            stay.closed = (self.clock.time, SessionEnd.EXPIRED)
        lost = [
            VoidRun(job_id=run.job_id, session=session, fence=run.fence, is_lost=is_lost)
            for (session, _), run in self.jobs.held.items()
            if (is_lost := self.sessions.is_lost(session)) is not None
        ]
        return Stock(sessions_closed=len(expired), runs=lost[:limit])


@dataclass
class InMemoryExpiringJobs:
    jobs: InMemoryJobRepository
    clock: InMemoryClock

    async def expired(self, limit: int) -> Sequence[UUID]:
        pending = [job for job in self.jobs.all() if job.state is JobState.PENDING]
        return [job.id for job in pending if job.has_expired(self.clock.time)][:limit]


@dataclass
class InMemoryAnnouncements:
    """One turn at a time over the delayed jobs that a test puts in."""

    clock: InMemoryClock
    jobs: list[Job] = field(default_factory=list)
    mark: Mark = field(default_factory=lambda: Mark(datetime(2025, 1, 1, tzinfo=UTC), UUID(int=0)))
    handed_over: Mark | None = None
    taken: bool = False

    @asynccontextmanager
    async def turn(self) -> AsyncIterator["_Turn | None"]:
        yield None if self.taken else _Turn(self, self.clock.time, self.mark, self.handed_over)


@dataclass
class _Turn:
    announcements: InMemoryAnnouncements
    now: datetime
    mark: Mark
    handed_over: Mark | None

    async def due(self, after: Mark, until: datetime, limit: int) -> Sequence[Job]:
        fitting = [
            job
            for job in self.announcements.jobs
            if (job.run_at, job.id) > (after.run_at, after.job_id)
            and job.run_at <= until
            and job.state is JobState.PENDING
            and job.run_at > job.created_at
        ]
        return sorted(fitting, key=lambda job: (job.run_at, job.id))[:limit]

    async def move_mark(self, mark: Mark) -> None:
        self.announcements.mark = mark

    async def move_handed_over(self, mark: Mark) -> None:
        self.announcements.handed_over = mark
