"""The ready queue in Redis, as a hint: what fails here is found and repaired from PostgreSQL."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from redis import RedisError

from treadle_api.adapters.outbound.outage_log import OutageLog
from treadle_domain.rank import Ranked
from treadle_wire.ready_queue import ReadySets

_DEADLINE_SECONDS = 1.0
_COOL_DOWN_SECONDS = 1.0
_REMOVALS_AT_ONCE = 32
"""Well below the connections that redis-py opens before it refuses."""
_MOST_AT_ONCE = 2_000
"""So that no command keeps Redis for more than some milliseconds."""


@dataclass(slots=True, eq=False)
class _Push:
    """Its first job's submitter sends it, the others wait."""

    jobs: list[Ranked] = field(default_factory=list)
    was_sent: asyncio.Event = field(default_factory=asyncio.Event)


class RedisReadyQueue:
    """After a command that was not answered in time the next second's are not tried: a dead Redis slows no submits.

    One push is under way at a time; what comes meanwhile goes together into the next one.
    """

    def __init__(
        self, ready_sets: ReadySets, monotonic_seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._ready_sets = ready_sets
        self._now = monotonic_seconds
        self._quiet_until = 0.0
        self._next_push = _Push()
        self._turn = asyncio.Semaphore(1)
        self._removals = asyncio.Semaphore(_REMOVALS_AT_ONCE)
        self._outage = OutageLog("redis")

    async def add(self, jobs: Sequence[Ranked]) -> None:
        if len(self._next_push.jobs) >= _MOST_AT_ONCE:
            self._next_push = _Push()
        push = self._next_push
        push.jobs += jobs
        if len(push.jobs) > len(jobs):
            await push.was_sent.wait()
            return
        try:
            await self._hint(self._turn, lambda: self._send(push))
        finally:
            self._close(push)
            push.was_sent.set()

    async def remove(self, jobs: Sequence[Ranked]) -> None:
        await self._hint(self._removals, lambda: self._ready_sets.remove(jobs))

    async def _send(self, push: _Push) -> None:
        # Whose submits were answered together are awake by now, but only this one has said what it has.
        await asyncio.sleep(0)
        self._close(push)
        await self._ready_sets.add(push.jobs)

    def _close(self, push: _Push) -> None:
        """Who comes now waits for the next one."""
        if self._next_push is push:
            self._next_push = _Push()

    async def _hint(self, slots: asyncio.Semaphore, command: Callable[[], Awaitable[None]]) -> None:
        if self._now() < self._quiet_until:
            return
        try:
            async with asyncio.timeout(_DEADLINE_SECONDS), slots:
                await command()
        except TimeoutError:
            self._quiet_until = self._now() + _COOL_DOWN_SECONDS
            self._outage.failed("timeout")
        except (RedisError, OSError) as error:
            self._outage.failed(str(error))
        else:
            self._outage.answered()
