"""One look each second tells what there is to do, so that what has nothing to do costs nothing."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Chore(StrEnum):
    ANNOUNCE = "announce"
    RECLAIM = "reclaim"
    EXPIRE = "expire"
    REPAIR = "repair"


class Lookout(Protocol):
    async def look(self) -> frozenset[Chore]:
        """What finds something to do by now, in all namespaces; moves the up clock on. Raises DatabaseUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class KeepWatch:
    lookout: Lookout
    calls: Mapping[Chore, asyncio.Event]

    async def check(self) -> None:
        """Calls those that have something to do; all, if that cannot be seen. Raises DatabaseUnavailable."""
        due = frozenset(Chore)
        try:
            due = await self.lookout.look()
        finally:
            for chore in due:
                self.calls[chore].set()
