"""Ends told over Redis, as a hint: what fails here those who wait find by themselves within a second."""

import asyncio
from collections.abc import Collection
from typing import NoReturn
from uuid import UUID

import structlog
from redis import RedisError

from treadle_wire.ended_channel import EndedChannel

_log = structlog.get_logger()

_PAUSE_SECONDS = 0.02
"""Between two messages: under load they are few and long, since each costs the store and every API process."""


class RedisJobEnds:
    """Nobody waits for Redis: `run` takes what was told since its last message, the first at once."""

    def __init__(self, channel: EndedChannel) -> None:
        self._channel = channel
        self._told: list[UUID] = []
        self._filled = asyncio.Event()
        self._failures = 0

    def tell(self, job_ids: Collection[UUID]) -> None:
        if job_ids:
            self._told += job_ids
            self._filled.set()

    async def run(self) -> NoReturn:
        """To be kept running."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            ended, self._told = self._told, []
            await self._publish(ended)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _publish(self, job_ids: Collection[UUID]) -> None:
        try:
            await self._channel.publish(job_ids)
        except (RedisError, OSError) as error:
            self._failures += 1
            if self._failures == 1:
                _log.warning("job ends: not told", error=str(error))
            return
        if self._failures:
            _log.info("job ends: told again", failures=self._failures)
            self._failures = 0
