"""Runs that were sent to an executor process, and that it has not begun yet."""

import asyncio
import math
from collections.abc import Callable

from treadle_worker.adapters.outbound.alarm import Alarm
from treadle_worker.adapters.outbound.run_under_way import RunUnderWay
from treadle_worker.executor.last_started import LastStarted

_FEW = 4
_MOST = 16
_SOON_SECONDS = 0.05
_LATE_SECONDS = 0.1


class Unstarted:
    """What a process whose loop is blocked can keep from the others: few, but more than one, so that it need not wait
    for each; more as long as it starts them soon, so that short runs share the cost of a write. `begun` is called for
    each.
    """

    def __init__(self, last_started: LastStarted, begun: Callable[[], None]) -> None:
        self._last_started = last_started
        self._begun = begun
        self._loop = asyncio.get_running_loop()
        self._by_number: dict[int, RunUnderWay] = {}
        self._most = _FEW
        self._alarm = Alarm(self._look_again)

    @property
    def has_room(self) -> bool:
        """Not while the oldest has been waiting for long: the loop is blocked, or has no thread left."""
        if not self._by_number:
            return True
        oldest = next(iter(self._by_number.values()))
        is_late = self._loop.time() - oldest.sent_at > _LATE_SECONDS
        return len(self._by_number) < self._most and not is_late

    def add(self, state: RunUnderWay) -> None:
        self._by_number[state.number] = state
        self._alarm.set(state.sent_at + _SOON_SECONDS)

    def started(self, state: RunUnderWay) -> None:
        """The process says so."""
        if state.started_at is None:
            state.started_at = self._loop.time()
            self.remove(state)

    def remove(self, state: RunUnderWay) -> None:
        """The process says that it has begun, and may have ended."""
        if self._by_number.pop(state.number, None) is not None:
            was_soon = self._loop.time() - state.sent_at < _SOON_SECONDS
            self._most = min(self._most + 1, _MOST) if was_soon else _FEW
            self._begun()

    def look(self) -> None:
        """At what the process may be unable to say. It is given no more for that: its loop may be blocked."""
        last = self._last_started.number
        for state in tuple(self._by_number.values()):
            if state.number <= last and state.is_async:
                state.started_at = self._loop.time()
                del self._by_number[state.number]
                self._begun()

    def stop(self) -> None:
        self._alarm.stop()

    def _look_again(self) -> float:
        self.look()
        return self._loop.time() + _SOON_SECONDS if self._by_number else math.inf
