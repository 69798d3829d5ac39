"""What the store does by itself, again and again, in every replica."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

import structlog

from treadle_store.application.errors import StoreError

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Timer:
    """`tick` returns True when there is more to do at once."""

    name: str
    period: timedelta
    tick: Callable[[], Awaitable[bool | None]]

    async def run(self) -> NoReturn:
        while True:
            if not await self._tick_or_log():
                await asyncio.sleep(self.period.total_seconds())

    async def _tick_or_log(self) -> bool | None:
        """An outage ends a tick, never the timer."""
        try:
            return await self.tick()
        except StoreError as error:
            _log.warning("timer: tick failed", timer=self.name, error=str(error))
            return False
