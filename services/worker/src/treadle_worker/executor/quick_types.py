"""Which async handlers give the loop back soon after they were called, so far."""

from collections.abc import Callable

KNOWN_AFTER = 20
_SOON_SECONDS = 0.02


class QuickTypes:
    """A type is known for it after some calls in a row that did. Calls of one turn of the loop count together, since
    they are not told apart: a slow one makes all of them unknown. `now` gives seconds that never go back."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._turn_began = 0.0
        self._called: list[str] = []
        self._in_a_row: dict[str, int] = {}

    def knows(self, type: str) -> bool:
        return self._in_a_row.get(type, 0) >= KNOWN_AFTER

    def called(self, type: str) -> None:
        if not self._called:
            self._turn_began = self._now()
        self._called.append(type)

    def turn_ended(self) -> None:
        was_soon = self._now() - self._turn_began <= _SOON_SECONDS
        for type in self._called:
            self._in_a_row[type] = self._in_a_row.get(type, 0) + 1 if was_soon else 0
        self._called.clear()
