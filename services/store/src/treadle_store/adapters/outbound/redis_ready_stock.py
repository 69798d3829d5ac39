"""The ready sets in Redis, as the repair sees them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import structlog
from redis import RedisError

from treadle_store.application.ready_ports import (
    DueJob,
    QueueName,
    ReadyQueueUnavailable,
    ReadySet,
    Refill,
)
from treadle_wire import ready_repair
from treadle_wire.ready_repair import ReadyRepair, ReadySetState

_log = structlog.get_logger()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RedisReadyStock:
    """Logs when Redis goes and when it is back, not each second in between."""

    def __init__(self, repair: ReadyRepair) -> None:
        self._repair = repair
        self._is_away = False

    async def advance_epoch(self, epoch: str, next_epoch: str) -> bool:
        with self._translated():
            return await self._repair.advance_epoch(epoch, next_epoch)

    async def forget_all(self) -> None:
        with self._translated():
            await self._repair.forget_all()

    async def distrust(self, queues: Sequence[QueueName]) -> None:
        with self._translated():
            await self._repair.distrust(queues)

    async def begin_epoch(self, epoch: str) -> None:
        with self._translated():
            await self._repair.begin_epoch(epoch)

    async def bounded(self, limit: int) -> Collection[QueueName]:
        with self._translated():
            return await self._repair.bounded(limit)

    async def look(self, queues: Sequence[QueueName], cap: int) -> Sequence[ReadySet]:
        with self._translated():
            return [_ready_set(state) for state in await self._repair.look(queues, cap)]

    async def open(self, queues: Sequence[QueueName], token: str) -> None:
        with self._translated():
            await self._repair.open(queues, token)

    async def fill(self, refills: Sequence[Refill], token: str) -> int:
        said = [
            ready_repair.Refill(queue=refill.queue, places=refill.places, rest=refill.rest)
            for refill in refills
        ]
        with self._translated():
            return await self._repair.fill(said, token)

    async def restore(
        self, found: Mapping[QueueName, Sequence[DueJob]], now: datetime, patience: timedelta
    ) -> Mapping[QueueName, int]:
        now_ms = (now - _EPOCH) // timedelta(milliseconds=1)
        with self._translated():
            return await self._repair.restore(found, now_ms, patience)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (RedisError, OSError) as error:
            if not self._is_away:
                _log.warning("ready queue: no repair until Redis answers", error=str(error))
            self._is_away = True
            raise ReadyQueueUnavailable(str(error)) from error
        if self._is_away:
            _log.info("ready queue: Redis answers again")
        self._is_away = False


def _ready_set(state: ReadySetState) -> ReadySet:
    return ReadySet(
        queue=state.queue,
        size=state.size,
        first=state.first,
        last=state.last,
        boundary=state.boundary,
        is_filling=state.is_filling,
    )
