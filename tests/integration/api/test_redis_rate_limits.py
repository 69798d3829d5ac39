"""Rate limits where Redis is away, slow, or not as it was."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from random import Random
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs
from tests.chaos.fault_proxy import FaultProxy, Mode
from tests.eventually import eventually

from treadle_api.adapters.outbound.redis_rate_limits import RedisRateLimits
from treadle_api.application.rate_limits import Allowance, RateLimit
from treadle_wire.ready_queue import connect

SLOW = RateLimit(per_second=0.1, burst=3)
LONGEST_SECONDS = 0.3
HOUR_MICROSECONDS = 3_600_000_000


@pytest.fixture
def proxy(redis_url: str) -> Iterator[FaultProxy]:
    with FaultProxy(urlsplit(redis_url).port or 6379) as proxy:
        yield proxy


@asynccontextmanager
async def running(url: str, prefix: str) -> AsyncIterator[RedisRateLimits]:
    redis = connect(url, reply_timeout_seconds=0.5)
    limits = RedisRateLimits(redis, prefix, rest_seconds=0.1)
    async with redis, asyncio.TaskGroup() as tasks:
        task = tasks.create_task(limits.run())
        yield limits
        task.cancel()


@pytest.fixture
async def limits(redis_url: str, prefix: str) -> AsyncIterator[RedisRateLimits]:
    async with running(redis_url, prefix) as limits:
        yield limits


@pytest.fixture
async def behind_proxy(
    redis_url: str, prefix: str, proxy: FaultProxy
) -> AsyncIterator[RedisRateLimits]:
    url = urlsplit(redis_url)
    user = f"{url.netloc.rpartition('@')[0]}@" if "@" in url.netloc else ""
    async with running(
        url._replace(netloc=f"{user}127.0.0.1:{proxy.port}").geturl(), prefix
    ) as limits:
        yield limits


async def take(limits: RedisRateLimits, limit: RateLimit = SLOW) -> Allowance:
    allowance = await limits.take("a", limit)
    assert allowance is not None
    return allowance


async def timed_take(limits: RedisRateLimits) -> tuple[Allowance | None, float]:
    began = time.monotonic()
    return await limits.take("a", SLOW), time.monotonic() - began


async def until_it_tells(limits: RedisRateLimits) -> Allowance:
    async with asyncio.timeout(5):
        while True:
            allowance = await limits.take("a", SLOW)
            if allowance is not None:
                return allowance
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("mode", [Mode.BLACKHOLE, Mode.DROP_REPLIES])
async def test_a_redis_that_hangs_costs_one_moment_and_one_line(
    behind_proxy: RedisRateLimits, proxy: FaultProxy, mode: Mode
) -> None:
    await take(behind_proxy)
    proxy.set(mode)

    with capture_logs() as lines:
        async with asyncio.TaskGroup() as tasks:
            first = [tasks.create_task(timed_take(behind_proxy)) for _ in range(50)]
            await eventually(lambda: proxy.vanished_bytes > 0)
            first.append(tasks.create_task(timed_take(behind_proxy)))
        later = [await timed_take(behind_proxy) for _ in range(1_000)]
        proxy.heal()
        allowance = await until_it_tells(behind_proxy)
        await eventually(lambda: len(lines) == 2)

    taken = [each.result() for each in first] + later
    assert {allowance for allowance, _ in taken} == {None}
    assert max(seconds for _, seconds in taken) < LONGEST_SECONDS
    assert sum(seconds for _, seconds in later) < LONGEST_SECONDS
    assert allowance.granted is (mode is Mode.BLACKHOLE)
    assert [line["event"] for line in lines] == ["api: no answer", "api: answers again"]


async def test_a_redis_that_is_slow_is_not_waited_for(
    behind_proxy: RedisRateLimits, proxy: FaultProxy
) -> None:
    await take(behind_proxy)
    proxy.delay(0.1)

    taken = [await timed_take(behind_proxy) for _ in range(100)]

    assert {allowance for allowance, _ in taken} == {None}
    assert sum(seconds for _, seconds in taken) < LONGEST_SECONDS


async def test_a_redis_that_is_gone_is_not_waited_for(
    behind_proxy: RedisRateLimits, proxy: FaultProxy
) -> None:
    proxy.refuse()
    proxy.cut()

    taken = [await timed_take(behind_proxy) for _ in range(100)]
    behind_proxy.charge("a", 1_000, SLOW)

    assert {allowance for allowance, _ in taken} == {None}
    assert sum(seconds for _, seconds in taken) < LONGEST_SECONDS
    proxy.heal()
    assert (await until_it_tells(behind_proxy)).remaining == 2


async def test_a_process_that_is_busy_does_not_take_redis_for_silent(
    limits: RedisRateLimits,
) -> None:
    await take(limits)

    async def keep_busy() -> None:
        while True:
            until = time.monotonic() + 0.06
            while time.monotonic() < until:
                pass
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        busy = tasks.create_task(keep_busy())
        taken = [await take(limits) for _ in range(3)]
        busy.cancel()

    assert [each.granted for each in taken] == [True, True, False]


async def test_clients_that_hang_up_leave_nobody_an_answer_that_is_anothers(
    behind_proxy: RedisRateLimits, proxy: FaultProxy
) -> None:
    chance = Random(1)
    proxy.delay(0.002)

    async def ask(number: int) -> tuple[int, Allowance | None]:
        limit = RateLimit(per_second=0.001, burst=1_000 * number)
        return number, await behind_proxy.take(f"caller {number}", limit)

    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(ask(number)) for number in range(1, 300)]
        for each in chance.sample(asked, 150):
            await asyncio.sleep(chance.choice([0, 0.001]))
            each.cancel()

    answered = [each.result() for each in asked if not each.cancelled()]
    told = [(number, allowance) for number, allowance in answered if allowance is not None]
    assert told
    assert all(allowance.remaining == 1_000 * number - 1 for number, allowance in told)


async def test_a_clock_that_is_set_back_locks_nobody_out(
    limits: RedisRateLimits, redis: Redis, prefix: str
) -> None:
    key = f"{{{prefix}}}/rate/a"
    for _ in range(3):
        await take(limits)
    out, since = str(await redis.get(key), "ascii").split()  # type: ignore[arg-type]
    await redis.set(key, f"{out} {int(since) + HOUR_MICROSECONDS}")

    refused = await take(limits)
    quick = await take(limits, RateLimit(per_second=1_000_000, burst=3))

    assert (refused.granted, quick.granted) == (False, True)
    assert refused.wait <= timedelta(seconds=10)


@pytest.mark.parametrize("spoilt", ["SET {} nonsense", "LPUSH {} 1", "HSET {} a b"])
async def test_a_key_that_is_spoilt_counts_as_a_full_bucket(
    limits: RedisRateLimits, redis: Redis, prefix: str, spoilt: str
) -> None:
    words = spoilt.format(f"{{{prefix}}}/rate/a").split()
    await redis.execute_command(*words)  # type: ignore[no-untyped-call]

    taken = [await take(limits) for _ in range(4)]

    assert [each.granted for each in taken] == [True, True, True, False]


async def test_a_bucket_is_forgotten_when_it_is_full_again(
    limits: RedisRateLimits, redis: Redis, prefix: str
) -> None:
    await take(limits)
    await take(limits)

    left = timedelta(milliseconds=await redis.pttl(f"{{{prefix}}}/rate/a"))

    assert timedelta(seconds=19) < left < timedelta(seconds=21)
