"""Ends heard over Redis, as a hint: what is missed here is found by looking."""

import asyncio
import random
from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from uuid import UUID

from redis import RedisError

from treadle_api.adapters.outbound.outage_log import OutageLog
from treadle_wire.ended_channel import EndedChannel

_PAUSE_SECONDS = 0.5, 1.0
"""Before the next try to connect, left to chance: all processes lose the same Redis."""


class RedisJobEnds:
    def __init__(self, channel: EndedChannel) -> None:
        self._channel = channel
        self._outage = OutageLog("redis, for the ends of jobs")

    async def listen(self) -> AsyncGenerator[Collection[UUID], None]:
        while True:
            try:
                async with aclosing(self._channel.listen()) as heard:
                    async for job_ids in heard:
                        self._outage.answered()
                        yield job_ids
            except (RedisError, OSError) as error:
                self._outage.failed(str(error))
            await asyncio.sleep(random.uniform(*_PAUSE_SECONDS))  # noqa: S311
