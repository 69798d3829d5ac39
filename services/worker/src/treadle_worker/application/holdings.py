"""What this worker holds: slots, runs, claims under way. The one place that knows."""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from uuid import UUID

from treadle_domain.claimed_run import ClaimedRun, RunReport
from treadle_domain.outcomes import Released
from treadle_domain.worker_session import Heartbeat
from treadle_worker.application.runs import JobKind

MOST_AHEAD = 500
PAUSE_SECONDS = 0.02
_VERY_MANY = 20
_LATELY_SECONDS = 0.1
_BRIEF_SECONDS = 0.5
_MANY_BYTES = 8 * 1024 * 1024
MOST_AT_ONCE = 1_000
"""What one call may carry."""


class Holdings:
    """A place is taken from before its id is popped until its run ended; a run is held from its claim until the store
    acknowledged its outcome. Of the ends that wait for that there are never more than twice the places, or twice the
    slots if they have many bytes.

    There is a place for each slot, and further ones for runs that are claimed ahead and start as slots become free: as
    many as brief runs ended in the last tenth of a second. So a worker whose runs are short claims many in a call and
    does not stand still meanwhile, and one whose runs are long holds nothing that another could run, also where they
    all end together.

    Every change is made without awaiting anything, so no heartbeat can be built in the middle of one.
    """

    def __init__(self, slots: int, clock: Callable[[], float]) -> None:
        self._slots = slots
        self._clock = clock
        self._popping = 0
        self._ended_at: deque[tuple[float, int]] = deque()
        """Lately, and how many brief runs each time."""
        self._ended_lately = 0
        self._waiting_bytes = 0
        self._running: dict[tuple[UUID, int], ClaimedRun] = {}
        self._held: dict[tuple[UUID, int], tuple[float, JobKind]] = {}
        """With the time of the grant."""
        self._claims: set[UUID] = set()
        self._beats = 0
        self._changed = asyncio.Event()
        self.stopping = False
        """Nothing more is taken in."""
        self._paused = False

    @property
    def free(self) -> int:
        """Places. None while more than half of those ahead are taken: then there is no hurry, and few calls that ask
        for many are cheaper."""
        taken, ahead = self._popping + len(self._running), self._ahead
        if taken - self._slots > ahead // 2:
            return 0
        places = self._slots + ahead
        most_held = 2 * (self._slots if self._waiting_bytes > _MANY_BYTES else places)
        return min(places - taken, most_held - self._popping - len(self._held), MOST_AT_ONCE)

    @property
    def pause_seconds(self) -> float:
        """Between two calls to the store, each of which costs as much as fifty jobs in it: none unless very many brief
        runs end."""
        return PAUSE_SECONDS if self._lately() >= _VERY_MANY else 0.0

    @property
    def running(self) -> int:
        """Those ahead included, which will."""
        return len(self._running)

    @property
    def busy_slots(self) -> int:
        return min(len(self._running), self._slots)

    @property
    def idle_slots(self) -> int:
        return self._slots - self.busy_slots

    @property
    def runs(self) -> Collection[ClaimedRun]:
        return self._running.values()

    @property
    def held(self) -> Mapping[UUID, int]:
        """Job id to fence; of two runs of one job the later: it was granted after the earlier had ended in the store,
        which therefore has nothing left to compare the earlier with."""
        return dict(sorted(self._held, key=lambda run: run[1]))

    def holds(self, run: tuple[UUID, int]) -> bool:
        return run in self._held

    def run_of(self, report: RunReport) -> ClaimedRun | None:
        """Until it has ended."""
        return self._running.get((report.job_id, report.fence))

    def kind_of(self, report: RunReport) -> JobKind | None:
        """Until it is acknowledged."""
        grant = self._held.get((report.job_id, report.fence))
        return grant and grant[1]

    @property
    def open_claims(self) -> frozenset[UUID]:
        return frozenset(self._claims)

    @property
    def is_empty(self) -> bool:
        return not self._held and not self._popping

    def heartbeat(self, session: UUID) -> Heartbeat:
        """The next number and what is held at this moment.

        A claim is in the lists of every heartbeat that it does not know of: first as open, then by its runs.
        """
        self._beats += 1
        return Heartbeat(
            session=session,
            number=self._beats,
            held=self.held,
            open_claims=self.open_claims,
        )

    async def take_free(self) -> int:
        """Waits for a free place and takes all that are free, for one pop; 0 when stopping. Waits while paused."""
        while not self.stopping:
            # Looked at once: time alone takes places away, and none would look like the end.
            if not self._paused and (free := self.free) > 0:
                self._popping = free
                return free
            await self._change()
        self._popping = 0
        return 0

    def stop_taking(self) -> None:
        self.stopping = True
        self._changed.set()

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        self._paused = False
        self._changed.set()

    def begin_claim(self, claim_id: UUID, ids: int) -> int:
        """Of the places taken only those of the ids popped stay taken. Returns the number of the last heartbeat."""
        self._claims.add(claim_id)
        self._keep_taken(ids)
        return self._beats

    def end_claim(self, claim_id: UUID, runs: Sequence[ClaimedRun]) -> None:
        """The runs that were granted are held; what was refused frees its place."""
        self._claims.discard(claim_id)
        granted = {(run.job_id, run.fence): run for run in runs}
        self._running.update(granted)
        now = self._clock()
        self._held.update({key: (now, (run.queue, run.type)) for key, run in granted.items()})
        self._keep_taken(0)

    def nothing_popped(self) -> None:
        self._keep_taken(0)

    def ended(self, reports: Sequence[RunReport]) -> None:
        now, brief, were_given_back = self._clock(), 0, False
        for report in reports:
            key = report.job_id, report.fence
            if self._running.pop(key, None) is not None:
                brief += now - self._held[key][0] <= _BRIEF_SECONDS
                self._waiting_bytes += len(report.result or b"")
            were_given_back |= isinstance(report.outcome, Released)
        if were_given_back:
            # What was claimed ahead may not have had its turn: the runs are longer than they were.
            self._forget_ends()
        else:
            self._ended_at.append((now, brief))
            self._ended_lately += brief
        self._changed.set()

    def acknowledged(self, reports: Iterable[RunReport]) -> None:
        for report in reports:
            if self._held.pop((report.job_id, report.fence), None) is not None:
                self._waiting_bytes -= len(report.result or b"")
        self._changed.set()

    async def wait_until_empty(self) -> None:
        """Nothing runs, nothing waits for its acknowledgement, nothing is being claimed."""
        await self._until(lambda: self.is_empty)

    async def wait_until_ended(self, runs: Iterable[ClaimedRun]) -> None:
        """Others may have begun meanwhile."""
        keys = {(run.job_id, run.fence) for run in runs}
        await self._until(lambda: keys.isdisjoint(self._running))

    async def wait_until_nothing_runs(self) -> None:
        await self._until(lambda: not self._running)

    def start_over(self) -> None:
        """For a new session: what the old one held is void, and heartbeats count from 1 again."""
        self._running.clear()
        self._held.clear()
        self._claims.clear()
        self._forget_ends()
        self._waiting_bytes = self._beats = 0
        self.stopping = self._paused = False
        self._keep_taken(0)

    @property
    def _ahead(self) -> int:
        return min(MOST_AHEAD, self._lately())

    def _lately(self) -> int:
        since = self._clock() - _LATELY_SECONDS
        while self._ended_at and self._ended_at[0][0] < since:
            self._ended_lately -= self._ended_at.popleft()[1]
        return self._ended_lately

    def _forget_ends(self) -> None:
        self._ended_at.clear()
        self._ended_lately = 0

    def _keep_taken(self, places: int) -> None:
        self._popping = places
        self._changed.set()

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            await self._change()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()
