"""The Redis hand-off: ids of jobs that are ready to run, per queue, in rank order.

One sorted set per (namespace, queue): member = job id, score = rank. It is a hint that can be rebuilt from PostgreSQL:
adding an id twice changes nothing, a worker asks the store before it runs anything, and the store repairs what is
missing (ready_repair.py).
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import cast
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.exceptions import ReadOnlyError, ResponseError, TimeoutError

from treadle_domain.rank import Ranked
from treadle_wire.ready_scripts import ADD
from treadle_wire.redis_connection import connect

__all__ = ["LONGEST_BLOCK", "Popped", "QueueName", "ReadyKeys", "ReadySets", "connect"]

LONGEST_BLOCK = timedelta(seconds=1)
"""Blocking longer would outlast the reply timeout and delay a shutdown, which never cancels a pop."""

QueueName = tuple[str, str]
"""Namespace and queue."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Popped:
    """What one pop took out of one queue; `ranks` maps each id to its rank, `garbage` are members that are no ids."""

    namespace: str
    queue: str
    ranks: dict[UUID, int]
    garbage: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadyKeys:
    """The braces are a hash tag: all keys live in one shard. Names hold no slash, so keys cannot collide."""

    prefix: str

    def ready(self, queue: QueueName) -> str:
        return f"{{{self.prefix}}}/ready/{field_of(queue)}"

    def missing(self, queue: QueueName) -> str:
        return f"{{{self.prefix}}}/missing/{field_of(queue)}"

    @property
    def shared(self) -> list[str]:
        """Those that every script begins with."""
        return [f"{{{self.prefix}}}/{name}" for name in ("boundary", "filling", "cap")]


def field_of(queue: QueueName) -> str:
    return "/".join(queue)


class ReadySets:
    """Raises redis.RedisError or OSError when Redis cannot be reached or refuses."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._keys = ReadyKeys(prefix)
        self._add_script = redis.register_script(ADD)

    def key(self, namespace: str, queue: str) -> str:
        return self._keys.ready((namespace, queue))

    async def add(self, jobs: Iterable[Ranked]) -> None:
        """All at once. What lies beyond a queue's boundary is left to the top-up from PostgreSQL."""
        ranks: defaultdict[QueueName, dict[UUID, int]] = defaultdict(dict)
        for job in jobs:
            ranks[job.namespace, job.queue][job.id] = job.rank
        await self._add(ranks)

    async def put_back(self, popped: Popped) -> None:
        await self._add({(popped.namespace, popped.queue): popped.ranks})

    async def remove(self, jobs: Iterable[Ranked]) -> None:
        members: defaultdict[str, list[str]] = defaultdict(list)
        for job in jobs:
            members[self.key(job.namespace, job.queue)].append(str(job.id))
        async with connecting_anew(self._redis):
            async with self._redis.pipeline(transaction=False) as pipeline:
                for key, ids in members.items():
                    pipeline.zrem(key, *ids)
                await pipeline.execute()

    async def pop(
        self, queues: Sequence[QueueName], count: int, block: timedelta = LONGEST_BLOCK
    ) -> Popped | None:
        """Up to `count` ids, lowest rank first, of the first queue in the order given that has any.

        `block` lies above zero. Never cancel it: the ids of a reply that nobody reads are lost until the store finds
        them missing.
        """
        by_key = {self.key(*queue): queue for queue in queues}
        seconds = block.total_seconds()
        try:
            async with connecting_anew(self._redis):
                reply = await self._redis.bzmpop(
                    seconds, len(by_key), [*by_key], min=True, count=count
                )
        except ResponseError as error:
            if "WRONGTYPE" not in str(error):
                raise
            # Else one spoilt key would starve all queues named after it. What it was is no hint of ours.
            await self._drop_spoilt(by_key)
            return None
        if reply is None:
            return None
        key, members = cast("tuple[bytes, list[tuple[bytes, bytes]]]", reply)
        return _read(by_key[key.decode()], members)

    async def eviction_policy_problem(self) -> str | None:
        """A sentence if Redis may forget keys to save memory instead of refusing new ones."""
        memory = await self._redis.info("memory")
        policy = memory.get("maxmemory_policy", "noeviction")
        if memory.get("maxmemory", 0) == 0 or policy == "noeviction":
            return None
        return (
            f"Redis may evict the ready queue: maxmemory-policy is {policy}, should be noeviction"
        )

    async def _add(self, ranks: Mapping[QueueName, Mapping[UUID, int]]) -> None:
        queues = [queue for queue in ranks if ranks[queue]]
        if not queues:
            return
        keys = [*self._keys.shared, *map(self._keys.ready, queues)]
        words: list[str] = []
        for queue in queues:
            # One long word: redis-py takes a microsecond for each.
            places = " ".join([f"{rank} {job_id}" for job_id, rank in ranks[queue].items()])
            words += [field_of(queue), places]
        async with connecting_anew(self._redis):
            log_dropped(await self._add_script(keys, words))

    async def _drop_spoilt(self, keys: Iterable[str]) -> None:
        for key in keys:
            if await self._redis.type(key) not in (b"zset", b"none"):
                await self._redis.delete(key)
                log_dropped([key.encode()])


@asynccontextmanager
async def connecting_anew(redis: Redis) -> AsyncIterator[None]:
    """Idle connections lead where this one did, to a replica after a failover or nowhere: the next command connects
    anew."""
    try:
        yield
    except (ReadOnlyError, TimeoutError):
        await redis.connection_pool.disconnect(inuse_connections=False)
        raise


def log_dropped(keys: Iterable[bytes]) -> None:
    for key in keys:
        _log.warning("ready queue: dropped a key of the wrong kind", key=key.decode())


def _read(queue: QueueName, members: list[tuple[bytes, bytes]]) -> Popped:
    ranks: dict[UUID, int] = {}
    garbage: list[bytes] = []
    for member, score in members:
        try:
            job_id, rank = UUID(member.decode()), int(float(score))
        except (ValueError, OverflowError):
            garbage.append(member)
            continue
        if str(job_id).encode() == member:
            ranks[job_id] = rank
        else:
            garbage.append(member)
    return Popped(namespace=queue[0], queue=queue[1], ranks=ranks, garbage=tuple(garbage))
