"""The ready queue in Redis."""

from collections.abc import Sequence

from redis import RedisError

from treadle_wire.ready_queue import Popped, ReadySets
from treadle_worker.application.errors import ReadyQueueUnavailable
from treadle_worker.application.ports import PoppedIds


class RedisReadyQueue:
    def __init__(self, ready_sets: ReadySets) -> None:
        self._ready_sets = ready_sets

    async def pop(self, queues: Sequence[tuple[str, str]], count: int) -> PoppedIds | None:
        try:
            popped = await self._ready_sets.pop(queues, count)
        except (RedisError, OSError) as error:
            raise ReadyQueueUnavailable(str(error)) from error
        if popped is None:
            return None
        return PoppedIds(
            namespace=popped.namespace,
            queue=popped.queue,
            ranks=popped.ranks,
            garbage=len(popped.garbage),
        )

    async def put_back(self, popped: PoppedIds) -> None:
        ids = Popped(namespace=popped.namespace, queue=popped.queue, ranks=dict(popped.ranks))
        try:
            await self._ready_sets.put_back(ids)
        except (RedisError, OSError) as error:
            raise ReadyQueueUnavailable(str(error)) from error

    async def problem(self) -> str | None:
        try:
            return await self._ready_sets.eviction_policy_problem()
        except (RedisError, OSError) as error:
            raise ReadyQueueUnavailable(str(error)) from error
