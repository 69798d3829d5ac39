"""Cancels told over Redis, as a hint: what fails here the worker hears with its next heartbeat."""

from collections.abc import Sequence
from uuid import UUID

import structlog
from redis import RedisError

from treadle_wire.cancel_channel import CancelChannel

_log = structlog.get_logger()


class RedisCancelHints:
    def __init__(self, channel: CancelChannel) -> None:
        self._channel = channel

    async def publish(self, runs: Sequence[tuple[UUID, int]]) -> None:
        try:
            await self._channel.publish(runs)
        except (RedisError, OSError) as error:
            _log.warning("cancel hints: not published", runs=len(runs), error=str(error))
