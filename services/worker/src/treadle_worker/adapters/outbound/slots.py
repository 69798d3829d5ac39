"""How many runs have begun at once, and those that were claimed ahead of their turn."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import structlog

from treadle_domain.claimed_run import ClaimedRun

_log = structlog.get_logger()


class Slots:
    """A run begins at once or, in the order of taking, as soon as a slot is free.

    When the first has waited for `longest_wait`, all that wait are given back: those behind it would wait longer, and
    other workers may have slots.
    """

    def __init__(
        self,
        count: int,
        longest_wait: timedelta,
        begin: Callable[[ClaimedRun], None],
        give_back: Callable[[ClaimedRun], None],
    ) -> None:
        self._free = count
        self._longest_wait = longest_wait.total_seconds()
        self._begin = begin
        self._give_back = give_back
        self._waiting: dict[tuple[UUID, int], tuple[ClaimedRun, float]] = {}
        """With the time since when."""
        self._timer: asyncio.TimerHandle | None = None

    def take(self, run: ClaimedRun) -> None:
        if self._free:
            self._free -= 1
            self._begin(run)
            return
        loop = asyncio.get_running_loop()
        self._waiting[run.job_id, run.fence] = run, loop.time()
        if self._timer is None:
            self._timer = loop.call_later(self._longest_wait, self._look)

    def freed(self) -> None:
        """A run that had begun is over."""
        if self._waiting:
            run, _ = self._waiting.pop(next(iter(self._waiting)))
            self._begin(run)
        else:
            self._free += 1

    def give_back(self, *only: tuple[UUID, int]) -> None:
        """Of those that wait: all, or only these."""
        for key in only or tuple(self._waiting):
            if waiting := self._waiting.pop(key, None):
                self._give_back(waiting[0])

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        if not self._waiting:
            return
        _, since = next(iter(self._waiting.values()))
        if since + self._longest_wait <= loop.time():
            _log.info("executors: runs claimed ahead are given back", runs=len(self._waiting))
            self.give_back()
        else:
            self._timer = loop.call_at(since + self._longest_wait, self._look)
