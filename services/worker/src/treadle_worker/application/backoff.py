"""Pauses between tries, with chance in them so that a fleet does not come back in step."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

_FIRST_SECONDS = (0.0, 0.4)
_LATER_SECONDS = (0.4, 2.0)


@dataclass(frozen=True, slots=True)
class Backoff:
    """`chance` gives numbers in [0, 1)."""

    chance: Callable[[], float]

    async def pause(self, failures: int) -> None:
        await asyncio.sleep(self.seconds(failures))

    def seconds(self, failures: int) -> float:
        """Evenly spread: up to 0.4 s after the first failure in a row, 0.4 to 2 s after each later one."""
        shortest, longest = _FIRST_SECONDS if failures <= 1 else _LATER_SECONDS
        return shortest + (longest - shortest) * self.chance()
