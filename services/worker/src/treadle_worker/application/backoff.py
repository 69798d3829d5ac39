"""Pauses between tries, with chance in them so that a fleet does not come back in step."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

_FIRST_SECONDS = 0.2
_LONGEST_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """`chance` gives numbers in [0, 1)."""

    chance: Callable[[], float]

    async def pause(self, failures: int) -> None:
        """After the first failure up to 0.2 s, doubling up to 2 s, never less than half of it."""
        longest = min(_LONGEST_SECONDS, _FIRST_SECONDS * 2 ** min(failures - 1, 10))
        await asyncio.sleep(longest * (1 - self.chance() / 2))
