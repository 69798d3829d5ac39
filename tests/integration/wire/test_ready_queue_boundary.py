"""Cap, boundary and top-up of the ready sets, in any order of events, against a plain list of jobs."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import cast
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis
from tests.builders import NOW, SECOND, a_job

from treadle_domain.job import Job
from treadle_wire.ready_queue import Popped, ReadySets
from treadle_wire.ready_repair import LOWEST, Place, ReadyRepair, ReadySetState, Refill

QUEUE = ("default", "default")
CAP = 8
PAGE = 4
AT_ONCE = timedelta(milliseconds=5)


@dataclass
class Store:
    """`pending` is what PostgreSQL would hold: every job that was not popped."""

    ready: ReadySets
    repair: ReadyRepair
    chance: Random
    pending: dict[Place, Job] = field(default_factory=dict)
    popped: list[Popped] = field(default_factory=list)
    page: list[Place] | None = None
    token: str = ""

    async def push(self) -> None:
        """Committed first, pushed then. Few ranks: many jobs share one."""
        jobs = [a_job(NOW + self.chance.randrange(20) * SECOND) for _ in range(3)]
        self.pending |= {(job.rank, job.id): job for job in jobs}
        await self.ready.add(jobs)

    async def pop(self) -> None:
        if (await self.state()).size:
            popped = await self.ready.pop([QUEUE], self.chance.randrange(1, 5), block=AT_ONCE)
            self.popped += [popped] if popped else []

    async def put_back(self) -> None:
        if self.popped:
            await self.ready.put_back(self.popped.pop())

    async def run(self) -> None:
        for popped in self.popped:
            for job_id, rank in popped.ranks.items():
                self.pending.pop((rank, job_id), None)
        self.popped.clear()

    async def shrink_and_grow(self) -> None:
        await self.repair.look([QUEUE], CAP // 2)
        await self.repair.look([QUEUE], CAP)

    async def begin_top_up(self) -> None:
        """Whoever began one before did not end it."""
        self.token = uuid4().hex
        await self.repair.open([QUEUE], self.token)
        self.page = None

    async def read(self) -> None:
        start = (await self.state()).boundary or LOWEST
        self.page = sorted(place for place in self.pending if place >= start)[: PAGE + 1]

    async def end_top_up(self) -> None:
        if self.page is None:
            return
        rest = self.page[PAGE] if len(self.page) > PAGE else None
        refill = Refill(queue=QUEUE, places=self.page[:PAGE], rest=rest)
        await self.repair.fill([refill], self.token)
        self.page = None

    async def state(self) -> ReadySetState:
        (state,) = await self.repair.look([QUEUE], CAP)
        return state


@pytest.fixture
def make_store(redis: Redis, prefix: str) -> Callable[[int], Store]:
    def make(seed: int) -> Store:
        ours = f"{prefix}-{seed}"
        return Store(ReadySets(redis, ours), ReadyRepair(redis, ours), Random(seed))

    return make


@pytest.fixture
async def store(make_store: Callable[[int], Store]) -> Store:
    store = make_store(0)
    await store.repair.look([QUEUE], CAP)
    return store


async def members(store: Store, redis: Redis) -> list[Place]:
    found = await redis.zrange(store.ready.key(*QUEUE), 0, -1, withscores=True)
    pairs = cast("list[tuple[bytes, float]]", found)
    return [(int(rank), UUID(member.decode())) for member, rank in pairs]


async def push(store: Store, *seconds: int) -> list[Place]:
    jobs = [a_job(NOW + s * SECOND) for s in seconds]
    store.pending |= {(job.rank, job.id): job for job in jobs}
    await store.ready.add(jobs)
    return [(job.rank, job.id) for job in jobs]


async def test_beyond_the_cap_the_highest_leave_and_the_boundary_is_the_lowest_of_them(
    store: Store, redis: Redis
) -> None:
    places = await push(store, *range(CAP + 3))

    assert await members(store, redis) == places[:CAP]
    assert (await store.state()).boundary == places[CAP]


async def test_from_the_boundary_on_pushes_are_refused_and_below_it_they_evict(
    store: Store, redis: Redis
) -> None:
    places = await push(store, *range(10, 10 + CAP + 1))

    (low,) = await push(store, 1)
    await push(store, 100)

    assert await members(store, redis) == [low, *places[: CAP - 1]]
    assert (await store.state()).boundary == places[CAP - 1]


async def test_among_equal_ranks_the_ids_decide(store: Store, redis: Redis) -> None:
    places = sorted(await push(store, *[5] * (2 * CAP)))

    assert await members(store, redis) == places[:CAP]
    assert (await store.state()).boundary == places[CAP]


async def test_what_is_put_back_beyond_the_boundary_waits_for_the_top_up(
    store: Store, redis: Redis
) -> None:
    (late,) = await push(store, 100)
    await store.pop()
    await push(store, *range(CAP + 1))

    await store.put_back()

    assert late not in await members(store, redis)


async def test_without_a_cap_a_thousand_ids_fit(redis: Redis, prefix: str) -> None:
    ready = ReadySets(redis, prefix)

    await ready.add([a_job(NOW + n * SECOND) for n in range(1_100)])

    assert await redis.zcard(ready.key(*QUEUE)) == 1_000


async def test_a_top_up_that_another_one_overtook_changes_nothing(
    store: Store, redis: Redis
) -> None:
    await push(store, *range(2 * CAP))
    await store.begin_top_up()
    await store.read()
    overtaken, token = store.page, store.token
    await store.begin_top_up()
    before = await store.state()

    refill = Refill(queue=QUEUE, places=overtaken or [], rest=None)
    added = await store.repair.fill([refill], token)

    assert added == 0
    assert await store.state() == before


async def test_pushes_during_a_top_up_are_kept_or_left_behind_its_boundary(
    store: Store, redis: Redis
) -> None:
    places = await push(store, *range(0, 40, 2))
    while (await store.state()).size:
        await store.pop()
    await store.run()
    await store.begin_top_up()
    await store.read()

    near, far = await push(store, 17, 39)
    await store.end_top_up()

    expected = sorted([*places[CAP : CAP + PAGE], near])
    assert await members(store, redis) == expected
    assert (await store.state()).boundary == places[CAP + PAGE] < far


@pytest.mark.parametrize("seed", range(15))
async def test_whatever_happens_nothing_is_lost_and_the_order_holds(
    make_store: Callable[[int], Store], redis: Redis, seed: int
) -> None:
    store = make_store(seed)
    await store.repair.look([QUEUE], CAP)
    events = [
        store.push,
        store.push,
        store.pop,
        store.pop,
        store.run,
        store.put_back,
        store.begin_top_up,
        store.read,
        store.end_top_up,
        store.shrink_and_grow,
    ]

    for _ in range(100):
        event = store.chance.choice(events)
        if event == store.end_top_up or store.chance.random() < 0.5:
            await event()
        else:
            # At the same time as another one.
            async with asyncio.TaskGroup() as group:
                group.create_task(event())
                group.create_task(store.push())
    await _settle(store)

    assert await _missing(store, redis) == set()
    drained = await _drained(store)
    # What was read for a top-up and ran before its end is there once more: the store says that it is gone.
    assert [place for place in drained if place in store.pending] == sorted(store.pending)


async def _settle(store: Store) -> None:
    while store.popped:
        await store.put_back()
    await store.begin_top_up()
    await store.read()
    await store.end_top_up()


async def _missing(store: Store, redis: Redis) -> set[Place]:
    """Below the boundary, yet not in Redis."""
    boundary = (await store.state()).boundary
    held = await members(store, redis)
    assert boundary is None or all(place < boundary for place in held)
    return {p for p in store.pending if boundary is None or p < boundary} - set(held)


async def _drained(store: Store) -> list[Place]:
    drained: list[Place] = []
    while True:
        if (await store.state()).boundary is not None:
            await store.begin_top_up()
            await store.read()
            await store.end_top_up()
        popped = await store.ready.pop([QUEUE], 3, block=AT_ONCE)
        if popped is None:
            return drained
        drained += [(rank, job_id) for job_id, rank in popped.ranks.items()]
