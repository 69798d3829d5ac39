"""Cancels heard over Redis."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from uuid import UUID

from redis import RedisError

from treadle_wire.cancel_channel import CancelChannel
from treadle_worker.application.errors import CancelHintsUnavailable


class RedisCancelHints:
    def __init__(self, channel: CancelChannel) -> None:
        self._channel = channel

    async def listen(self) -> AsyncGenerator[Sequence[tuple[UUID, int]], None]:
        try:
            async with aclosing(self._channel.listen()) as heard:
                async for runs in heard:
                    yield runs
        except (RedisError, OSError) as error:
            raise CancelHintsUnavailable(str(error)) from error
