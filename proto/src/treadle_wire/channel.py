"""A word over Redis to all who listen. Whoever does not listen when it is sent never gets it: every word is a hint."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from typing import Generic, TypeVar

from redis.asyncio import Redis
from redis.exceptions import TimeoutError as RedisTimeoutError

from treadle_wire.ready_queue import connecting_anew

PUBLISH_SECONDS = 0.5
"""A client waits for its cancel meanwhile."""
SILENCE_SECONDS = 2.0
"""A server that was not heard for so long is pinged, and given up after as long again."""

Word = TypeVar("Word")


class Channel(Generic[Word]):
    """`write` puts words into one message, `read` takes them out of one. Raises redis.RedisError or OSError when Redis
    cannot be reached or refuses."""

    def __init__(
        self,
        redis: Redis,
        name: str,
        write: Callable[[Iterable[Word]], bytes],
        read: Callable[[bytes], tuple[Word, ...]],
        silence_seconds: float,
    ) -> None:
        self._redis = redis
        self._name = name
        self._write = write
        self._read = read
        self._silence_seconds = silence_seconds

    async def publish(self, words: Iterable[Word]) -> None:
        async with connecting_anew(self._redis):
            try:
                async with asyncio.timeout(PUBLISH_SECONDS):
                    await self._redis.publish(self._name, self._write(words))
            except TimeoutError as error:
                raise RedisTimeoutError(f"no answer within {PUBLISH_SECONDS} s") from error

    async def listen(self) -> AsyncGenerator[tuple[Word, ...], None]:
        """Over a connection of its own: every message, and an empty tuple for every other sign of life, the first of
        which says that from now on no message is missed. Close it."""
        async with self._redis.pubsub() as subscription:
            await subscription.subscribe(self._name)
            is_asked = True
            while True:
                message = await subscription.get_message(timeout=self._silence_seconds)
                if message is not None:
                    is_asked = False
                    yield self._read(message["data"]) if message["type"] == "message" else ()
                elif is_asked:
                    raise RedisTimeoutError(f"silent for {2 * self._silence_seconds} s")
                else:
                    await subscription.ping()
                    is_asked = True
