"""The RateLimits there are."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest
from tests.fakes.in_memory_rate_limits import InMemoryRateLimits

from treadle_api.adapters.outbound.redis_rate_limits import RedisRateLimits
from treadle_api.application.rate_limits import Allowance, RateLimit, RateLimits
from treadle_wire.ready_queue import connect

SLOW = RateLimit(per_second=0.1, burst=3)
"""None comes back while a test lasts."""


@pytest.fixture(params=["in memory", "Redis"])
async def limits(request: pytest.FixtureRequest) -> AsyncIterator[RateLimits]:
    if request.param == "in memory":
        yield InMemoryRateLimits()
        return
    redis = connect(request.getfixturevalue("redis_url"))
    limits = RedisRateLimits(redis, f"test-{uuid4()}")
    async with redis, asyncio.TaskGroup() as tasks:
        running = tasks.create_task(limits.run())
        yield limits
        running.cancel()


async def take(limits: RateLimits, limit: RateLimit, caller_id: str = "a") -> Allowance:
    allowance = await limits.take(caller_id, limit)
    assert allowance is not None
    return allowance


async def test_a_burst_is_granted_and_no_more(limits: RateLimits) -> None:
    taken = [await take(limits, SLOW) for _ in range(5)]

    assert [each.granted for each in taken] == [True, True, True, False, False]
    assert [each.remaining for each in taken] == [2, 1, 0, 0, 0]
    assert taken[0].wait == timedelta(0)
    assert timedelta(seconds=8) < taken[-1].wait <= timedelta(seconds=10)


async def test_those_who_ask_at_once_share_one_bucket(limits: RateLimits) -> None:
    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(take(limits, SLOW)) for _ in range(1_200)]

    assert sum(each.result().granted for each in asked) == SLOW.burst


async def test_each_caller_has_a_bucket_of_its_own(limits: RateLimits) -> None:
    for _ in range(4):
        await take(limits, SLOW, "a")

    other = await take(limits, SLOW, "b")

    assert (other.granted, other.remaining) == (True, 2)


async def test_what_was_taken_comes_back_with_time(limits: RateLimits) -> None:
    quick = RateLimit(per_second=20, burst=2)
    for _ in range(3):
        await take(limits, quick)

    async with asyncio.timeout(5):
        while not (await take(limits, quick)).granted:
            pass


async def test_what_comes_back_is_no_more_than_a_burst(limits: RateLimits) -> None:
    quick = RateLimit(per_second=1_000_000, burst=2)
    await take(limits, quick)

    taken = await take(limits, quick)

    assert (taken.granted, taken.remaining) == (True, 1)


async def test_what_was_let_in_is_owed(limits: RateLimits) -> None:
    for _ in range(3):
        await take(limits, SLOW)
    limits.charge("a", 10, SLOW)

    taken = await take(limits, SLOW)

    assert (taken.granted, taken.remaining) == (False, 0)
    assert timedelta(seconds=105) < taken.wait <= timedelta(seconds=110)


async def test_who_is_refused_owes_nothing_for_it(limits: RateLimits) -> None:
    taken = [await take(limits, SLOW) for _ in range(50)]

    assert taken[-1].wait <= timedelta(seconds=10)


async def test_another_limit_counts_from_the_next_take_on(limits: RateLimits) -> None:
    for _ in range(3):
        await take(limits, SLOW)

    more = await take(limits, RateLimit(per_second=0.1, burst=10))

    assert (more.granted, more.remaining) == (True, 6)
