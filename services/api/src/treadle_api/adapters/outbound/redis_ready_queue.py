"""The ready queue in Redis, as a hint: what fails here is found and repaired from PostgreSQL."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from redis import RedisError

from treadle_api.adapters.outbound.outage_log import OutageLog
from treadle_domain.rank import Ranked
from treadle_wire.ready_queue import ReadySets

_DEADLINE_SECONDS = 1.0
_COOL_DOWN_SECONDS = 1.0
_COMMANDS_AT_ONCE = 32
"""Well below the connections that redis-py opens before it refuses."""


class RedisReadyQueue:
    """After a command that was not answered in time the next second's are not tried: a dead Redis slows no submits."""

    def __init__(
        self, ready_sets: ReadySets, monotonic_seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._ready_sets = ready_sets
        self._now = monotonic_seconds
        self._quiet_until = 0.0
        self._slots = asyncio.Semaphore(_COMMANDS_AT_ONCE)
        self._outage = OutageLog("redis")

    async def add(self, jobs: Sequence[Ranked]) -> None:
        await self._hint(self._ready_sets.add, jobs)

    async def remove(self, jobs: Sequence[Ranked]) -> None:
        await self._hint(self._ready_sets.remove, jobs)

    async def _hint(
        self, command: Callable[[Sequence[Ranked]], Awaitable[None]], jobs: Sequence[Ranked]
    ) -> None:
        if self._now() < self._quiet_until:
            return
        try:
            async with asyncio.timeout(_DEADLINE_SECONDS), self._slots:
                await command(jobs)
        except TimeoutError:
            self._quiet_until = self._now() + _COOL_DOWN_SECONDS
            self._outage.failed("timeout")
        except (RedisError, OSError) as error:
            self._outage.failed(str(error))
        else:
            self._outage.answered()
