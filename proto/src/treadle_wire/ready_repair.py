"""The repairing side of the Redis hand-off: what the store does to the ready sets, one atomic step at a time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from redis.asyncio import Redis

from treadle_wire.ready_queue import (
    QueueName,
    ReadyKeys,
    connecting_anew,
    field_of,
    log_dropped,
)
from treadle_wire.ready_scripts import ADVANCE_EPOCH, DISTRUST, FILL, LOOK, OPEN, RESTORE

Place = tuple[int, UUID]
"""Rank and id: where a job stands in its queue."""

REPAIR_TIMEOUT_SECONDS = 1.5
"""For a reply to the store, whose repair waits for it in a transaction."""

LOWEST: Place = (-(2**62), UUID(int=0))
_HIGHEST_RANK = 2**62
_EPOCH = "epoch"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadySetState:
    """`first` and `last` are the places of its ends, `boundary` the lowest that may be in PostgreSQL only."""

    queue: QueueName
    size: int
    first: Place | None
    last: Place | None
    boundary: Place | None
    is_filling: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Refill:
    """`places` in order; `rest` is the first that was left behind, None when there are no more."""

    queue: QueueName
    places: Sequence[Place]
    rest: Place | None


class ReadyRepair:
    """Raises redis.RedisError or OSError when Redis cannot be reached or refuses."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._keys = ReadyKeys(prefix)
        self._scripts = {
            text: redis.register_script(text)
            for text in (ADVANCE_EPOCH, DISTRUST, LOOK, OPEN, FILL, RESTORE)
        }

    async def advance_epoch(self, epoch: str, next_epoch: str) -> bool:
        """False if Redis remembers another epoch, or none: it is not what it was."""
        return bool(await self._run(ADVANCE_EPOCH, [], [epoch, next_epoch]))

    async def forget_all(self) -> None:
        """Boundaries and epoch; the sets are left to `distrust`."""
        boundary, filling, _ = self._keys.shared
        async with connecting_anew(self._redis):
            await self._redis.unlink(boundary, filling)

    async def distrust(self, queues: Sequence[QueueName]) -> None:
        """From here on all of these may be in PostgreSQL only."""
        log_dropped(
            await self._run(DISTRUST, self._pairs(queues), [_text(LOWEST), *map(field_of, queues)])
        )

    async def begin_epoch(self, epoch: str) -> None:
        async with connecting_anew(self._redis):
            await self._redis.hset(self._keys.shared[0], _EPOCH, epoch)

    async def bounded(self, limit: int) -> set[QueueName]:
        """Some of the queues that have a boundary."""
        async with connecting_anew(self._redis):
            found = await self._redis.hrandfield(self._keys.shared[0], limit)
        fields = cast("list[bytes]", found or [])
        names = [field.decode(errors="replace").split("/") for field in fields]
        return {(name[0], name[1]) for name in names if len(name) == 2}

    async def look(self, queues: Sequence[QueueName], cap: int) -> list[ReadySetState]:
        """Sets the cap for all queues, trims these to it and tells what they are like then."""
        keys = map(self._keys.ready, queues)
        dropped, states = await self._run(LOOK, keys, [cap, *map(field_of, queues)])
        log_dropped(dropped)
        return [_state(queue, *state) for queue, state in zip(queues, states, strict=True)]

    async def open(self, queues: Iterable[QueueName], token: str) -> None:
        """Until `fill` the queues take ids beyond their boundaries: what is pushed meanwhile is not lost."""
        await self._run(OPEN, [], [token, *map(field_of, queues)])

    async def fill(self, refills: Sequence[Refill], token: str) -> int:
        """Adds what was read since `open` with this token and sets the boundaries; returns how many were new."""
        words: list[str | int] = [token]
        for refill in refills:
            rest = "" if refill.rest is None else _text(refill.rest)
            words += [field_of(refill.queue), rest, len(refill.places)]
            for rank, job_id in refill.places:
                words += [rank, str(job_id)]
        keys = [self._keys.ready(refill.queue) for refill in refills]
        return int(await self._run(FILL, keys, words))

    async def restore(
        self,
        found: Mapping[QueueName, Sequence[tuple[Place, int]]],
        now_ms: int,
        patience: timedelta,
    ) -> dict[QueueName, int]:
        """Adds those of the (place, version) found that are absent from their sets and were `patience` ago.

        What is not found again in between is forgotten. Returns how many were added.
        """
        words: list[str | int] = [now_ms, int(patience.total_seconds() * 1000)]
        for queue, jobs in found.items():
            words += [field_of(queue), len(jobs)]
            for (rank, job_id), version in jobs:
                words += [rank, str(job_id), version]
        added = await self._run(RESTORE, self._pairs(found), words)
        return dict(zip(found, added, strict=True))

    def _pairs(self, queues: Iterable[QueueName]) -> list[str]:
        return [
            key for queue in queues for key in (self._keys.ready(queue), self._keys.missing(queue))
        ]

    async def _run(self, script: str, keys: Iterable[str], words: Sequence[str | int]) -> Any:
        async with connecting_anew(self._redis):
            return await self._scripts[script]([*self._keys.shared, *keys], words)


def _state(
    queue: QueueName, size: int, first: bytes, last: bytes, boundary: bytes, is_filling: int
) -> ReadySetState:
    return ReadySetState(
        queue=queue,
        size=size,
        first=_place(first),
        last=_place(last),
        boundary=_place(boundary),
        is_filling=bool(is_filling),
    )


def _text(place: Place) -> str:
    return f"{place[0]} {place[1]}"


def _place(text: bytes) -> Place | None:
    """None for an empty text. Of garbage the lowest place that it can stand for: reading from there misses nothing."""
    if not text:
        return None
    rank, _, job_id = text.partition(b" ")
    try:
        number = int(max(LOWEST[0], min(float(rank), _HIGHEST_RANK)))
    except ValueError:
        return LOWEST
    try:
        return number, UUID(job_id.decode())
    except ValueError:
        return number, UUID(int=0)
