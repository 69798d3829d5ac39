"""The Redis hand-off: ids of jobs that are ready to run, per queue, in rank order.

One sorted set per (namespace, queue): member = job id, score = rank. It is a hint that can be rebuilt from PostgreSQL:
adding an id twice changes nothing, and a worker asks the store before it runs anything.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import cast
from uuid import UUID

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from treadle_domain.job import Job

_CONNECT_TIMEOUT_SECONDS = 2.0
_REPLY_TIMEOUT_SECONDS = 5.0
LONGEST_BLOCK = timedelta(seconds=1)
"""Blocking longer would outlast the reply timeout and delay a shutdown, which never cancels a pop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Popped:
    """What one pop took out of one queue; `ranks` maps each id to its rank, `garbage` are members that are no ids."""

    namespace: str
    queue: str
    ranks: dict[UUID, int]
    garbage: tuple[bytes, ...] = ()


def connect(url: str) -> Redis:
    """Connects at the first command; every command has a deadline."""
    return Redis.from_url(
        url,
        socket_connect_timeout=_CONNECT_TIMEOUT_SECONDS,
        socket_timeout=_REPLY_TIMEOUT_SECONDS,
        socket_keepalive=True,
    )


class ReadySets:
    """Raises redis.RedisError when Redis cannot be reached or refuses."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix

    def key(self, namespace: str, queue: str) -> str:
        """The braces are a hash tag: all keys live in one shard. Names hold no slash, so keys cannot collide."""
        return f"{{{self._prefix}}}/ready/{namespace}/{queue}"

    async def add(self, jobs: Iterable[Job]) -> None:
        members: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for job in jobs:
            members[self.key(job.namespace, job.queue)][str(job.id)] = job.rank
        await self._add(members)

    async def put_back(self, popped: Popped) -> None:
        members = {str(job_id): rank for job_id, rank in popped.ranks.items()}
        await self._add({self.key(popped.namespace, popped.queue): members})

    async def remove(self, jobs: Iterable[Job]) -> None:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for job in jobs:
                pipeline.zrem(self.key(job.namespace, job.queue), str(job.id))
            await pipeline.execute()

    async def pop(
        self, queues: Sequence[tuple[str, str]], count: int, block: timedelta = LONGEST_BLOCK
    ) -> Popped | None:
        """Up to `count` ids, lowest rank first, of the first queue in the order given that has any.

        `block` lies above zero. Never cancel it: the ids of a reply that nobody reads are lost until the store finds
        them missing.
        """
        by_key = {self.key(*queue): queue for queue in queues}
        seconds = block.total_seconds()
        try:
            reply = await self._redis.bzmpop(seconds, len(by_key), [*by_key], min=True, count=count)
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

    async def _add(
        self, members: dict[str, dict[str, int]] | defaultdict[str, dict[str, int]]
    ) -> None:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for key, ranks in members.items():
                if ranks:
                    pipeline.zadd(key, ranks)
            await pipeline.execute()

    async def _drop_spoilt(self, keys: Iterable[str]) -> None:
        for key in keys:
            if await self._redis.type(key) not in (b"zset", b"none"):
                await self._redis.delete(key)


def _read(queue: tuple[str, str], members: list[tuple[bytes, bytes]]) -> Popped:
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
