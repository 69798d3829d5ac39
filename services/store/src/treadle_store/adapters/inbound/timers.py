"""What the store does by itself, again and again, in every replica."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import NoReturn

import structlog

from treadle_store.application.errors import StoreError

_log = structlog.get_logger()


class Timer:
    """`tick` returns True when there is more to do at once. With a `call` it rests until that is set, for a period at
    most."""

    def __init__(
        self,
        name: str,
        period: timedelta,
        tick: Callable[[], Awaitable[bool | None]],
        call: asyncio.Event | None = None,
    ) -> None:
        self._name = name
        self._period = period
        self._tick = tick
        self._call = call or asyncio.Event()
        self._failures = 0

    async def run(self) -> NoReturn:
        while True:
            self._call.clear()
            if not await self._tick_or_log():
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._period.total_seconds()):
                        await self._call.wait()

    async def _tick_or_log(self) -> bool | None:
        """An outage ends a tick, never the timer; the log has its begin and its end."""
        try:
            more = await self._tick()
        except StoreError as error:
            self._failures += 1
            if self._failures == 1:
                _log.warning("timer: ticks fail", timer=self._name, error=str(error))
            return False
        if self._failures:
            _log.info("timer: ticks again", timer=self._name, failures=self._failures)
            self._failures = 0
        return more
