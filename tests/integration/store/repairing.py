"""The repair of the ready queue on real PostgreSQL and real Valkey, with jobs that nobody pushed."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast
from uuid import UUID

from redis.asyncio import Redis
from sqlalchemy import text
from tests.fakes.in_memory_store import InMemoryTally

from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.ready_jobs import PostgresReadyTurns
from treadle_store.adapters.outbound.redis_ready_stock import RedisReadyStock
from treadle_store.application.repair_ready_queue import RepairReadyQueue
from treadle_wire.ready_queue import QueueName, ReadySets
from treadle_wire.ready_repair import ReadyRepair

# Ranks go the other way than ids, a priority in seven is another one.
_INSERT = text(
    """
    INSERT INTO live_jobs (
        id, namespace, queue, type, priority, metadata, max_attempts, timeout, retry, created_at,
        run_at, rank, state, version, attempt, losses, interruptions, snoozes, fence_base, fence,
        alone, payload)
    SELECT gen_random_uuid(), 'default', 'q' || n % :queues, 'echo', priority, '{}', 3, '1 s', '{}',
        born, run_at, floor(extract(epoch FROM run_at) * 1000)::bigint - priority * 3600000,
        CAST(:state AS text), 1, 0, 0, 0, 0, 0, 0, false, '{}'
    FROM (
        SELECT n, CASE n % 7 WHEN 0 THEN 5 ELSE 0 END AS priority, born,
            born + CAST(:delay AS interval) AS run_at
        FROM (
            SELECT n, clock_timestamp() - CAST(:age AS interval) - n * interval '1 ms' AS born
            FROM generate_series(1, :jobs) AS n
        ) AS births
    ) AS numbered
    """
)
_ORDER = text(
    "SELECT id FROM live_jobs WHERE queue = :queue AND state = 'PENDING' AND run_at <= now()"
    " ORDER BY rank, id"
)

_PATIENCE = timedelta(milliseconds=20)
_QUIET_SECONDS = 5 * _PATIENCE.total_seconds()
"""Long enough for the two sightings after which a lost id is added again."""


@dataclass
class Repairing:
    redis: Redis
    prefix: str
    database: Database
    ids_limit: int = 200_000
    tally: InMemoryTally = field(default_factory=InMemoryTally)

    def __post_init__(self) -> None:
        self.ready_sets = ReadySets(self.redis, self.prefix)
        self.repair = RepairReadyQueue(
            turns=PostgresReadyTurns(self.database),
            stock=RedisReadyStock(ReadyRepair(self.redis, self.prefix)),
            tally=self.tally,
            ids_limit=self.ids_limit,
            patience=_PATIENCE,
        )

    async def until_done(self) -> None:
        while await self.repair():
            pass

    async def until(self, holds: Callable[[], Awaitable[bool]], within_seconds: float = 3) -> None:
        """Turn after turn."""
        deadline = time.monotonic() + within_seconds
        while not await holds():
            assert time.monotonic() < deadline, "was not repaired in time"
            await self.repair()
            await asyncio.sleep(0.01)

    async def insert(
        self,
        jobs: int,
        *,
        queues: int = 1,
        state: str = "PENDING",
        age: str = "1 s",
        delay: str = "0 s",
    ) -> None:
        values = {"jobs": jobs, "queues": queues, "state": state, "age": age, "delay": delay}
        async with self.database.transaction() as connection:
            await connection.execute(_INSERT, values)

    async def execute(self, statement: str, **values: object) -> None:
        async with self.database.transaction() as connection:
            await connection.execute(text(statement), values)

    async def due(self, queue: str = "q0") -> Sequence[UUID]:
        """In the order in which they have to start."""
        async with self.database.reading() as connection:
            return (await connection.scalars(_ORDER, {"queue": queue})).all()

    async def waiting(self, queue: str = "q0") -> list[UUID]:
        key = self.ready_sets.key("default", queue)
        members = cast("list[bytes]", await self.redis.zrange(key, 0, -1))
        return [UUID(member.decode()) for member in members]

    async def drain(self, queues: Iterable[QueueName], at_once: int = 100) -> list[UUID]:
        """Pops until nothing has come for a while; what was popped is finished in PostgreSQL."""
        popped: list[UUID] = []
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < _QUIET_SECONDS:
            if await self.repair() or await self._finish_some([*queues], at_once, popped):
                quiet_since = time.monotonic()
        return popped

    async def pop(self, queues: Sequence[QueueName], count: int) -> list[UUID]:
        taken = await self.ready_sets.pop(queues, count, block=timedelta(milliseconds=5))
        return [] if taken is None else [*taken.ranks]

    async def _finish_some(self, queues: list[QueueName], at_once: int, ids: list[UUID]) -> bool:
        popped = await self.pop(queues, at_once)
        await self.execute("DELETE FROM live_jobs WHERE id = ANY(:ids)", ids=popped)
        ids += popped
        return bool(popped)


async def forget(world: Repairing, kind: str) -> None:
    async for key in world.redis.scan_iter(f"{{{world.prefix}}}/{kind}"):
        await world.redis.delete(key)


async def spoil(world: Repairing, kind: str) -> None:
    key = f"{{{world.prefix}}}/{kind}".replace("*", "default/q0")
    await world.redis.delete(key)
    await world.redis.rpush(key, "no hint of ours")
