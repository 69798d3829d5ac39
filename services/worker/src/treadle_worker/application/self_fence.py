"""Self-fencing: a worker that the store may believe dead ends its own runs before the store gives them to another."""

import asyncio
import math
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import NoReturn
from uuid import UUID

import structlog

from treadle_domain.claimed_run import ClaimedRun
from treadle_worker.application.errors import LeaseTooShort
from treadle_worker.application.holdings import Holdings
from treadle_worker.application.ports import Executors, SessionGuard
from treadle_worker.application.runs import Interruption
from treadle_worker.application.vitals import Vitals

_log = structlog.get_logger()

LEAST_MARGIN = timedelta(seconds=0.5)
_LEASES_PER_MARGIN = 15
_LONGEST_NAP_SECONDS = 0.5


class SelfFence:
    """From the sending of the last heartbeat that was acknowledged code may run for the lease less the stop grace and a
    margin. Then it is asked to end, and killed after the grace; nothing is taken in until a heartbeat is acknowledged.

    The guard does the same later, half a margin before the lease ends, in case this process is frozen. `now` gives the
    seconds since the machine started, those in which it slept too.
    """

    def __init__(
        self,
        *,
        now: Callable[[], float],
        stop_grace: timedelta,
        guard: SessionGuard,
        executors: Executors,
        holdings: Holdings,
        vitals: Vitals,
        least_margin: timedelta = LEAST_MARGIN,
    ) -> None:
        self.now = now
        self._stop_grace = stop_grace
        self._guard = guard
        self._executors = executors
        self._holdings = holdings
        self._vitals = vitals
        self._least_margin = least_margin
        self._reach_seconds = self._guards_reach_seconds = math.inf
        self._deadline = math.inf
        self._moved = asyncio.Event()

    @property
    def has_passed(self) -> bool:
        """By the clock, so that a process that was frozen knows it before anything else does."""
        return self.now() >= self._deadline

    def opened(self, session: UUID, lease: timedelta, asked_at: float) -> None:
        """`asked_at`: when that was sent for the first time, since the store repeats nothing. Raises LeaseTooShort."""
        margin = max(self._least_margin, lease / _LEASES_PER_MARGIN)
        reach = lease - self._stop_grace - margin
        if reach < lease / 2:
            raise LeaseTooShort(lease, self._stop_grace)
        self._reach_seconds = reach.total_seconds()
        self._guards_reach_seconds = (lease - margin / 2).total_seconds()
        self._guard.session(session)
        self.acknowledged(asked_at)

    def acknowledged(self, asked_at: float) -> None:
        """`asked_at`: when the heartbeat was sent; the store may have counted from then on."""
        self._deadline = asked_at + self._reach_seconds
        if not self.has_passed:
            self._guard.until(asked_at + self._guards_reach_seconds)
        self._moved.set()

    def start_over(self) -> None:
        """There is no session, and nothing runs."""
        self._deadline = math.inf
        self._guard.until(math.inf)
        self._vitals.fenced = False

    async def watch(self) -> NoReturn:
        while True:
            await self._passes()
            await self._holdings.wait_until_ended(self._cut_off())
            if self.has_passed:
                # What does nothing need not be killed.
                self._guard.until(math.inf)
            await self._is_lifted()
            self._go_on()

    async def _passes(self) -> None:
        while not self.has_passed:  # noqa: ASYNC110 - time passes without an event
            # In short naps, which do not count the time in which the machine slept.
            await asyncio.sleep(min(self._deadline - self.now(), _LONGEST_NAP_SECONDS))

    def _cut_off(self) -> Collection[ClaimedRun]:
        """Returns what was asked to end: a claim that is answered when the deadline has moved may start more."""
        asked = tuple(self._holdings.runs)
        _log.error("worker: no heartbeat acknowledged, runs end", running=self._holdings.running)
        self._vitals.fenced = True
        self._holdings.pause()
        self._executors.ask_all(Interruption.LOST)
        return asked

    async def _is_lifted(self) -> None:
        while self.has_passed:
            self._moved.clear()
            await self._moved.wait()

    def _go_on(self) -> None:
        _log.info("worker: a heartbeat was acknowledged again")
        self._vitals.fenced = False
        self._holdings.resume()
