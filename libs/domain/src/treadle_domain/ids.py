"""UUIDv7 with the counter of RFC 9562 §6.2, method 1: ids of one process sort in the order they were made."""

from collections.abc import Callable
from uuid import UUID

_COUNTER_BITS = 26
_RANDOM_BITS = 48


class JobIds:
    """`now_ms`: Unix time in milliseconds; `chance(n)`: n random bits. Not for use from several threads."""

    def __init__(self, now_ms: Callable[[], int], chance: Callable[[int], int]) -> None:
        self._now_ms = now_ms
        self._chance = chance
        self._ms = -1
        self._counter = 0

    def next(self) -> UUID:
        """Larger than every id before it, also when the clock stands still or jumps back."""
        ms = self._now_ms()
        if ms > self._ms:
            self._ms, self._counter = ms, self._chance(_COUNTER_BITS - 1)
        else:
            self._counter += 1
            if self._counter >> _COUNTER_BITS:
                self._ms, self._counter = self._ms + 1, self._chance(_COUNTER_BITS - 1)
        return _uuid7(self._ms, self._counter, self._chance(_RANDOM_BITS))


def _uuid7(ms: int, counter: int, random: int) -> UUID:
    high, low = counter >> 14, counter & 0x3FFF
    version, variant = 0x7 << 76, 0b10 << 62
    return UUID(int=ms << 80 | version | high << 64 | variant | low << _RANDOM_BITS | random)
