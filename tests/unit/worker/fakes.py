"""The worker's ports, played by the test."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from tests.builders import NOW, SECOND

from treadle_domain.claimed_run import ClaimBatch, ClaimedRun, ClaimRefusal, RunReport
from treadle_domain.outcomes import Released, Ruling, Succeeded, Verdict
from treadle_domain.progress import ProgressReport, Recording
from treadle_domain.run_policy import RunOptions
from treadle_domain.worker_session import Heartbeat, Lease, SessionEnd, WorkerSession
from treadle_worker.application.endings import Ending
from treadle_worker.application.errors import (
    CancelHintsUnavailable,
    ReadyQueueUnavailable,
    SessionLost,
    StoreFailed,
    StoreUnavailable,
)
from treadle_worker.application.ports import PoppedIds
from treadle_worker.application.runs import ExecutorLimits, Interruption, JobKind


def a_run(job_id: UUID | None = None, **said: Any) -> ClaimedRun:
    defaults: dict[str, Any] = {
        "job_id": job_id or uuid4(),
        "fence": 1,
        "namespace": "default",
        "queue": "default",
        "type": "echo",
        "attempt": 1,
        "max_attempts": 3,
        "timeout": SECOND,
        "created_at": NOW,
        "metadata": {},
        "payload": b"null",
    }
    return ClaimedRun(**defaults | said)


def an_end(run: ClaimedRun, result: bytes = b"1") -> RunReport:
    return RunReport(
        namespace=run.namespace,
        job_id=run.job_id,
        fence=run.fence,
        outcome=Succeeded(),
        result=result,
    )


class NoPause:
    """Stands in for Backoff: tries again at once, yet lets others run."""

    async def pause(self, failures: int) -> None:
        await asyncio.sleep(0)


@dataclass
class FakeJobStore:
    """Grants every id but those in `refused`, as a job of the type in `types`; `outages` calls are not answered. Of the
    sessions in `lost` it knows nothing more; an `old` one knows nothing of seats."""

    outages: int = 0
    lost: set[UUID] = field(default_factory=set)
    refused: dict[UUID, ClaimRefusal] = field(default_factory=dict)
    types: dict[UUID, str] = field(default_factory=dict)
    old: bool = False
    ruling: Ruling = Ruling.APPLIED
    recording: Recording = Recording.RECORDED
    faults: int = 0
    """How many of the next calls to record progress fail by themselves."""
    told: list[Sequence[ProgressReport]] = field(default_factory=list)
    """Without their numbers, which are in `numbers`."""
    numbers: list[int] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    """Those that were answered, of ends and of progress."""
    opened: list[WorkerSession] = field(default_factory=list)
    closed: list[SessionEnd] = field(default_factory=list)
    claims: list[ClaimBatch] = field(default_factory=list)
    finished: list[Sequence[RunReport]] = field(default_factory=list)
    finished_for: list[UUID] = field(default_factory=list)
    beats: list[Heartbeat] = field(default_factory=list)
    may_finish: asyncio.Event = field(default_factory=asyncio.Event)
    may_record: asyncio.Event = field(default_factory=asyncio.Event)
    may_claim: asyncio.Event = field(default_factory=asyncio.Event)
    may_beat: asyncio.Event = field(default_factory=asyncio.Event)
    openings: int = 0
    lease: timedelta = timedelta(seconds=0.006)
    cancelled: tuple[tuple[UUID, int], ...] = ()

    def __post_init__(self) -> None:
        self.may_finish.set()
        self.may_record.set()
        self.may_claim.set()
        self.may_beat.set()

    def lose(self) -> None:
        """Every session that is open now: their leases have ended."""
        self.lost |= {session.id for session in self.opened}

    async def open_session(self, session: WorkerSession) -> timedelta:
        self.openings += 1
        await self._outage_or_loss(session.id)
        self.opened.append(session)
        return self.lease

    async def heartbeat(self, beat: Heartbeat, within: timedelta) -> Lease:
        self.beats.append(beat)
        await self.may_beat.wait()
        await self._outage_or_loss(beat.session)
        return Lease(expires_at=NOW, cancelled=self.cancelled)

    async def close_session(self, session_id: UUID, end: SessionEnd) -> None:
        self.closed.append(end)

    async def claim(self, batch: ClaimBatch) -> Sequence[ClaimedRun | ClaimRefusal]:
        self.claims.append(batch)
        await self.may_claim.wait()
        await self._outage_or_loss(batch.session)
        granted: list[ClaimedRun] = []
        return [self._answer(batch, granted, job_id) for job_id in batch.job_ids]

    def _answer(
        self, batch: ClaimBatch, granted: list[ClaimedRun], job_id: UUID
    ) -> ClaimedRun | ClaimRefusal:
        if job_id in self.refused:
            return self.refused[job_id]
        run = a_run(job_id, type=self.types.get(job_id, "echo"))
        if not self.old and batch.seats.put_off(run, granted) is not None:
            return ClaimRefusal.PUT_OFF
        granted.append(run)
        return run

    async def record_progress(
        self, session_id: UUID, reports: Sequence[ProgressReport]
    ) -> Sequence[Recording]:
        self.told.append([replace(report, number=0) for report in reports])
        self.numbers += [report.number for report in reports]
        await self.may_record.wait()
        await self._outage_or_loss(session_id)
        if self.faults:
            self.faults -= 1
            raise StoreFailed("INTERNAL")
        self.calls.append("record")
        return [self.recording] * len(reports)

    async def finish(self, session_id: UUID, reports: Sequence[RunReport]) -> Sequence[Verdict]:
        self.finished.append(reports)
        self.finished_for.append(session_id)
        await self.may_finish.wait()
        await self._outage_or_loss(session_id)
        self.calls.append("finish")
        return [Verdict(self.ruling, None)] * len(reports)

    async def _outage_or_loss(self, session: UUID) -> None:
        await asyncio.sleep(0)
        if session in self.lost:
            raise SessionLost("closed")
        if self.outages:
            self.outages -= 1
            raise StoreUnavailable("away")


@dataclass
class FakeTally:
    sessions: int = 0
    claims: list[ClaimedRun | ClaimRefusal] = field(default_factory=list)
    rulings: list[Ruling] = field(default_factory=list)
    ends: list[tuple[JobKind, Ending]] = field(default_factory=list)
    garbage: int = 0

    def session_opened(self) -> None:
        self.sessions += 1

    def claim_answered(self, answers: Iterable[ClaimedRun | ClaimRefusal]) -> None:
        self.claims += answers

    def outcomes_ruled(self, rulings: Iterable[Ruling]) -> None:
        self.rulings += rulings

    def runs_finished(self, ends: Iterable[tuple[JobKind, Ending]]) -> None:
        self.ends += ends

    def garbage_dropped(self, members: int) -> None:
        self.garbage += members


@dataclass
class FakeReadyQueue:
    """`ids` waits in the first queue asked; `counts` says how many each pop asked for; `deaf` is how many of the next
    put-backs fail."""

    ids: list[UUID] = field(default_factory=list)
    garbage: int = 0
    is_down: bool = False
    deaf: int = 0
    complaint: str | None = None
    checks: int = 0
    counts: list[int] = field(default_factory=list)
    orders: list[Sequence[tuple[str, str]]] = field(default_factory=list)
    popped: list[UUID] = field(default_factory=list)
    back: list[PoppedIds] = field(default_factory=list)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_answer.set()

    async def pop(self, queues: Sequence[tuple[str, str]], count: int) -> PoppedIds | None:
        self.counts.append(count)
        self.orders.append(tuple(queues))
        await asyncio.sleep(0)
        await self.may_answer.wait()
        if self.is_down:
            raise ReadyQueueUnavailable("away")
        taken, self.ids = self.ids[:count], self.ids[count:]
        self.popped += taken
        garbage, self.garbage = self.garbage, 0
        if not taken and not garbage:
            return None
        namespace, queue = queues[0]
        ranks = {job_id: rank for rank, job_id in enumerate(taken)}
        return PoppedIds(namespace=namespace, queue=queue, ranks=ranks, garbage=garbage)

    async def put_back(self, popped: PoppedIds) -> None:
        if self.deaf:
            self.deaf -= 1
            raise ReadyQueueUnavailable("away")
        self.back.append(popped)

    async def problem(self) -> str | None:
        self.checks += 1
        if self.is_down:
            raise ReadyQueueUnavailable("away")
        return self.complaint


class FakeCancelHints:
    """`deaf`: how many of the next subscriptions fail."""

    def __init__(self) -> None:
        self.deaf = 0
        self.subscriptions = 0
        self._told: asyncio.Queue[Sequence[tuple[UUID, int]] | None] = asyncio.Queue()

    def tell(self, *runs: tuple[UUID, int]) -> None:
        self._told.put_nowait(runs)

    def cut(self) -> None:
        self._told.put_nowait(None)

    def all_heard(self) -> bool:
        return self._told.empty()

    async def listen(self) -> AsyncGenerator[Sequence[tuple[UUID, int]], None]:
        self.subscriptions += 1
        await asyncio.sleep(0)
        if self.deaf:
            self.deaf -= 1
            raise CancelHintsUnavailable("away")
        yield ()
        while (runs := await self._told.get()) is not None:
            yield runs
        raise CancelHintsUnavailable("cut off")


@dataclass
class FakeGuard:
    sessions: list[UUID] = field(default_factory=list)
    deadlines: list[float] = field(default_factory=list)

    def session(self, session_id: UUID) -> None:
        self.sessions.append(session_id)

    def until(self, deadline: float) -> None:
        self.deadlines.append(deadline)


class FakeExecutors:
    """A run ends when the test says so; one that was asked or killed comes back at once, or if it `lingers` by `die`.

    `asked`: of those that went on at that moment; `words`: what was said to all.
    """

    def __init__(self) -> None:
        self.lingers = False
        self.are_clogged = False
        self.limits = ExecutorLimits()
        self.runs: list[ClaimedRun] = []
        self.asked: list[tuple[UUID, int, Interruption]] = []
        self.words: list[Interruption | str] = []
        self.killed = False
        self._going: dict[UUID, ClaimedRun] = {}
        self._reports: asyncio.Queue[RunReport] = asyncio.Queue()
        self._told: asyncio.Queue[ProgressReport] = asyncio.Queue()
        self._ends_at_once = False

    @property
    def handlers(self) -> Mapping[str, RunOptions]:
        return {"echo": RunOptions()}

    def run(self, run: ClaimedRun) -> None:
        self.runs.append(run)
        self._going[run.job_id] = run
        if self._ends_at_once:
            self.end(run)

    async def ended(self) -> Sequence[RunReport]:
        reports = [await self._reports.get()]
        while not self._reports.empty():
            reports.append(self._reports.get_nowait())
        return reports

    def tell(self, *reports: ProgressReport) -> None:
        for report in reports:
            self._told.put_nowait(report)

    def all_told(self) -> bool:
        return self._told.empty()

    async def told(self) -> Sequence[ProgressReport]:
        return [await self._told.get()]

    def end(self, *runs: ClaimedRun) -> None:
        for run in runs:
            if self._going.pop(run.job_id, None) is not None:
                self._reports.put_nowait(an_end(run))

    def end_all(self) -> None:
        """Those that come later too."""
        self._ends_at_once = True
        self.end(*self.runs)

    def ask(self, job_id: UUID, fence: int, why: Interruption) -> None:
        run = self._going.get(job_id)
        if run is None or run.fence != fence:
            return
        self.asked.append((job_id, fence, why))
        if not self.lingers:
            self._give_back(run)

    def ask_all(self, why: Interruption) -> None:
        self.words.append(why)
        if not self.lingers:
            self.die()

    def announce_drain(self) -> None:
        self.words.append("drain announced")

    def kill(self) -> None:
        self.killed = True
        if not self.lingers:
            self.die()

    def die(self) -> None:
        for run in [*self._going.values()]:
            self._give_back(run)

    def _give_back(self, run: ClaimedRun) -> None:
        del self._going[run.job_id]
        self._reports.put_nowait(replace(an_end(run), outcome=Released(), result=None))
