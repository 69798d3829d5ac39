"""What the worker needs of the world."""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from treadle_domain.claimed_run import ClaimBatch, ClaimedRun, ClaimRefusal, RunReport
from treadle_domain.outcomes import Ruling, Verdict
from treadle_domain.progress import ProgressReport, Recording
from treadle_domain.run_policy import RunOptions
from treadle_domain.worker_session import Heartbeat, Lease, SessionEnd, WorkerSession
from treadle_worker.application.endings import Ending
from treadle_worker.application.runs import ExecutorLimits, Interruption, JobKind


class JobStore(Protocol):
    """Every call has a deadline and may be repeated. Each may raise StoreUnavailable; those that act for a session
    raise SessionLost when it is not open."""

    async def open_session(self, session: WorkerSession) -> timedelta:
        """Returns how long the session lives after each heartbeat."""
        ...

    async def heartbeat(self, beat: Heartbeat, within: timedelta) -> Lease:
        """`within` is its deadline."""
        ...

    async def close_session(self, session_id: UUID, end: SessionEnd) -> None: ...

    async def claim(self, batch: ClaimBatch) -> Sequence[ClaimedRun | ClaimRefusal]:
        """In the order asked."""
        ...

    async def record_progress(
        self, session_id: UUID, reports: Sequence[ProgressReport]
    ) -> Sequence[Recording]:
        """In the order given; at most 1,000 and 8 MiB."""
        ...

    async def finish(self, session_id: UUID, reports: Sequence[RunReport]) -> Sequence[Verdict]:
        """In the order given."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PoppedIds:
    """What one pop took out of one queue, each id with its rank; `garbage` counts members that were no ids."""

    namespace: str
    queue: str
    ranks: Mapping[UUID, int]
    garbage: int = 0


class ReadyQueue(Protocol):
    """All raise ReadyQueueUnavailable."""

    async def pop(self, queues: Sequence[tuple[str, str]], count: int) -> PoppedIds | None:
        """Up to `count` ids of the first of the (namespace, queue) pairs that has any; None after about a second.

        Must not be cancelled: the ids would be lost until the store finds them missing.
        """
        ...

    async def put_back(self, popped: PoppedIds) -> None:
        """May be cancelled and repeated: an id is there once, under its rank."""
        ...

    async def problem(self) -> str | None:
        """What is wrong with how the queue is kept, in a sentence: that it may drop ids by itself."""
        ...


class CancelHints(Protocol):
    def listen(self) -> AsyncGenerator[Sequence[tuple[UUID, int]], None]:
        """Job ids and fences of runs that were asked to stop, here or elsewhere; empty for any other sign of life.

        Raises CancelHintsUnavailable when no more can be heard. Close it.
        """
        ...


class Executors(Protocol):
    """Each run that is put in comes out of `ended` once, whatever becomes of its process."""

    @property
    def handlers(self) -> Mapping[str, RunOptions]:
        """What each handler said of its runs, by job type."""
        ...

    @property
    def limits(self) -> ExecutorLimits: ...

    @property
    def are_clogged(self) -> bool:
        """Runs have been waiting for a moment because no process starts what it was given: it may last as long as the
        code that blocks them."""
        ...

    def run(self, run: ClaimedRun) -> None: ...

    def ask(self, job_id: UUID, fence: int, why: Interruption) -> None:
        """To end: what has not within the stop grace is killed. Nothing happens if it does not run, or was asked
        before. At its timeout each run is asked without this call."""
        ...

    def ask_all(self, why: Interruption) -> None: ...

    def announce_drain(self) -> None:
        """Tells all runs, present and future, that the worker will stop; none is asked to end."""
        ...

    async def told(self) -> Sequence[ProgressReport]:
        """What is new of runs, one report each: waits for at least one; may be cancelled without losing any."""
        ...

    async def ended(self) -> Sequence[RunReport]:
        """Waits for at least one; may be cancelled without losing any."""
        ...

    def kill(self) -> None:
        """The runs come back as Released when the code that ran them is gone."""
        ...


class SessionGuard(Protocol):
    """Acts for this process when it cannot: kills the executors at the deadline, and closes the session of a process
    that is dead. Never waits, never fails."""

    def session(self, session_id: UUID) -> None:
        """Instead of the one before."""
        ...

    def until(self, deadline: float) -> None:
        """Seconds by the boot-time clock, or infinite."""
        ...


class Tally(Protocol):
    """Counts for those who watch; never waits, never fails."""

    def session_opened(self) -> None: ...

    def claim_answered(self, answers: Iterable[ClaimedRun | ClaimRefusal]) -> None: ...

    def outcomes_ruled(self, rulings: Iterable[Ruling]) -> None: ...

    def runs_finished(self, ends: Iterable[tuple[JobKind, Ending]]) -> None: ...

    def garbage_dropped(self, members: int) -> None: ...
