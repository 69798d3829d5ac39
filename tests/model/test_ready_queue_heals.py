"""Whatever Redis forgets, misses or holds too much, in whatever order: every due job gets its turn."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from tests.integration.store.repairing import Repairing, forget
from tests.model.test_store_against_model import BRIEF, LONG, play

from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.application.ready_ports import ReadyQueueUnavailable, ReadyStock
from treadle_wire.ready_queue import Popped, connect

QUEUE = ("default", "q0")
MOST_JOBS = 80
IDS_LIMIT = 20
DELAY, DELAY_SECONDS = "100 ms", 0.1
KINDS = ["*", "ready/*", "boundary", "cap", "filling", "missing/*"]
_SOME = "SELECT id, rank FROM live_jobs WHERE state = 'PENDING' ORDER BY md5(id::text) LIMIT "
_RUN = "UPDATE live_jobs SET state = 'RUNNING', version = version + 1 WHERE id = ANY(:ids)"
_GIVE_BACK = """
UPDATE live_jobs SET state = 'PENDING', version = version + 1
WHERE id IN (SELECT id FROM live_jobs WHERE state = 'RUNNING' LIMIT :count)
"""


class DyingStock:
    """The store dies right after its `last` command to Redis."""

    def __init__(self, stock: ReadyStock, last: int) -> None:
        self._stock, self._left = stock, last

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def command(*args: Any) -> Any:
            answer = await getattr(self._stock, name)(*args)
            self._left -= 1
            if self._left == 0:
                raise ReadyQueueUnavailable
            return answer

        return command


class HealingMachine(RuleBasedStateMachine):
    """Nobody announces, and no push is sure: the repair has to make everything good."""

    def __init__(self, runner: asyncio.Runner, world: Repairing) -> None:
        super().__init__()
        self.runner, self.world = runner, world
        self.snapshot: dict[bytes, bytes] = {}
        self.jobs = 0
        runner.run(self._begin())

    @rule(count=st.integers(1, 40), delay=st.sampled_from(["0 s", "0 s", DELAY]))
    def jobs_are_submitted(self, count: int, delay: str) -> None:
        count = min(count, MOST_JOBS - self.jobs)
        self.jobs += count
        if count:
            self.runner.run(self.world.insert(count, delay=delay))

    @rule(count=st.integers(1, 30))
    def some_are_pushed_in_any_order(self, count: int) -> None:
        """Some before they are due."""
        self.runner.run(self._push(count))

    @rule()
    def delayed_jobs_become_due(self) -> None:
        time.sleep(DELAY_SECONDS)

    @rule(count=st.integers(1, 10), lives=st.booleans())
    def a_worker_pops_and_claims_or_dies(self, count: int, lives: bool) -> None:
        self.runner.run(self._pop(count, lives))

    @rule(count=st.integers(1, 10))
    def some_are_given_back_and_nobody_pushes_them(self, count: int) -> None:
        self.runner.run(self.world.execute(_GIVE_BACK, count=count))

    @rule(count=st.integers(1, 5), seed=st.integers(0, 99))
    def members_get_lost(self, count: int, seed: int) -> None:
        self.runner.run(self._lose(count, random.Random(seed)))

    @rule(kind=st.sampled_from(KINDS))
    def redis_forgets(self, kind: str) -> None:
        self.runner.run(forget(self.world, kind))

    @rule()
    def redis_is_saved(self) -> None:
        self.snapshot = self.runner.run(self._dump())

    @rule()
    def redis_restarts_from_what_was_saved(self) -> None:
        self.runner.run(self._restore())

    @rule(turns=st.integers(1, 3))
    def the_store_repairs(self, turns: int) -> None:
        for _ in range(turns):
            self.runner.run(self.world.repair())

    @rule(last=st.integers(1, 8))
    def the_store_dies_in_a_repair(self, last: int) -> None:
        whole = self.world.repair
        self.runner.run(replace(whole, stock=cast("ReadyStock", DyingStock(whole.stock, last)))())

    def teardown(self) -> None:
        self.runner.run(self._all_come_out())

    async def _begin(self) -> None:
        await forget(self.world, "*")
        await self.world.execute("TRUNCATE live_jobs")
        await self.world.execute("UPDATE ready_epoch SET epoch = ''")

    async def _push(self, count: int) -> None:
        async with self.world.database.reading() as connection:
            rows = (await connection.exec_driver_sql(f"{_SOME}{count}")).all()
        ranks = {row.id: row.rank for row in rows}
        await self.world.ready_sets.put_back(
            Popped(namespace=QUEUE[0], queue=QUEUE[1], ranks=ranks)
        )

    async def _pop(self, count: int, lives: bool) -> None:
        ids = await self.world.pop([QUEUE], count)
        if lives:
            await self.world.execute(_RUN, ids=ids)

    async def _lose(self, count: int, chance: random.Random) -> None:
        members = await self.world.waiting()
        for member in chance.sample(members, min(count, len(members))):
            await self.world.redis.zrem(self._key, str(member))

    async def _dump(self) -> dict[bytes, bytes]:
        keys = [key async for key in self.world.redis.scan_iter(f"{{{self.world.prefix}}}*")]
        return {key: await self.world.redis.dump(key) or b"" for key in keys}

    async def _restore(self) -> None:
        await forget(self.world, "*")
        for key, value in self.snapshot.items():
            await self.world.redis.restore(key, 0, value)

    async def _all_come_out(self) -> None:
        """One that was lost behind others comes back when it is its turn."""
        world = self.world
        await asyncio.sleep(DELAY_SECONDS)
        await world.execute(_GIVE_BACK, count=MOST_JOBS)
        while due := [*await world.due()]:
            await world.until(partial(self._is_next, due[0]))
            popped = await world.pop([QUEUE], 7)
            assert popped == [job_id for job_id in due if job_id in popped]
            await world.execute("DELETE FROM live_jobs WHERE id = ANY(:ids)", ids=popped)
        assert await world.waiting() == []

    async def _is_next(self, job_id: UUID) -> bool:
        return (await self.world.waiting())[:1] == [job_id]

    @property
    def _key(self) -> str:
        return self.world.ready_sets.key(*QUEUE)


@pytest.fixture
def new_machine(
    redis_url: str, migrated_database_url: str
) -> Iterator[Callable[[], RuleBasedStateMachine]]:
    with asyncio.Runner() as runner:
        redis, database = connect(redis_url), Database(migrated_database_url, pool_size=2)
        world = Repairing(redis, f"test-{uuid4()}", database, ids_limit=IDS_LIMIT)
        yield lambda: HealingMachine(runner, world)
        runner.run(forget(world, "*"))
        runner.run(database.close())
        runner.run(redis.aclose())


@pytest.mark.parametrize(
    "length",
    [
        pytest.param(settings(BRIEF, max_examples=8, stateful_step_count=25), id="brief"),
        pytest.param(settings(LONG, stateful_step_count=40), id="long", marks=pytest.mark.soak),
    ],
)
def test_every_due_job_gets_its_turn(
    new_machine: Callable[[], RuleBasedStateMachine], length: settings
) -> None:
    play(new_machine, length)
