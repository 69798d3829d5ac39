"""The word over Redis that running jobs were cancelled, so that their workers need not wait for a heartbeat.

One message holds a line `<job id> <fence>` for each run. Whoever does not listen when it is sent never gets it: it is a
hint, which the answers to heartbeats repeat until the run has ended.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator
from typing import Any
from uuid import UUID

from redis.asyncio import Redis
from redis.exceptions import TimeoutError as RedisTimeoutError

from treadle_wire.ready_queue import connecting_anew

PUBLISH_SECONDS = 0.5
"""A client waits for its cancel meanwhile."""
SILENCE_SECONDS = 2.0
"""A server that was not heard for so long is pinged, and given up after as long again."""

Run = tuple[UUID, int]
"""Job id and fence."""


class CancelChannel:
    """Raises redis.RedisError or OSError when Redis cannot be reached or refuses."""

    def __init__(self, redis: Redis, prefix: str, silence_seconds: float = SILENCE_SECONDS) -> None:
        self._redis = redis
        self._name = f"{{{prefix}}}/cancelled"
        self._silence_seconds = silence_seconds

    async def publish(self, runs: Iterable[Run]) -> None:
        text = "\n".join(f"{job_id} {fence}" for job_id, fence in runs)
        async with connecting_anew(self._redis):
            try:
                async with asyncio.timeout(PUBLISH_SECONDS):
                    await self._redis.publish(self._name, text)
            except TimeoutError as error:
                raise RedisTimeoutError(f"no answer within {PUBLISH_SECONDS} s") from error

    async def listen(self) -> AsyncGenerator[tuple[Run, ...], None]:
        """Over a connection of its own: every message, and an empty tuple for every other sign of life, the first of
        which says that from now on no message is missed. Close it."""
        async with self._redis.pubsub() as subscription:
            await subscription.subscribe(self._name)
            is_asked = True
            while True:
                message = await subscription.get_message(timeout=self._silence_seconds)
                if message is not None:
                    is_asked = False
                    yield tuple(_runs(message))
                elif is_asked:
                    raise RedisTimeoutError(f"silent for {2 * self._silence_seconds} s")
                else:
                    await subscription.ping()
                    is_asked = True


def _runs(message: dict[str, Any]) -> Iterator[Run]:
    """What is no line of ours says nothing."""
    if message["type"] != "message":
        return
    for line in message["data"].splitlines():
        job_id, _, fence = line.decode(errors="replace").partition(" ")
        try:
            yield UUID(job_id), int(fence)
        except ValueError:
            continue
