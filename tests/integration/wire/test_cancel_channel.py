"""Cancels told over a real Redis, and how soon a listener finds out that it hears nothing."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError
from tests.chaos.fault_proxy import FaultProxy

from treadle_wire.cancel_channel import CancelChannel, Run
from treadle_wire.channel import PUBLISH_SECONDS
from treadle_wire.ready_queue import connect

SILENCE_SECONDS = 0.2


@pytest.fixture
def proxy(redis_url: str) -> Iterator[FaultProxy]:
    with FaultProxy(urlsplit(redis_url).port or 6379) as proxy:
        yield proxy


@pytest.fixture
async def proxied(proxy: FaultProxy, prefix: str) -> AsyncIterator[CancelChannel]:
    redis = connect(f"redis://127.0.0.1:{proxy.port}/0")
    yield CancelChannel(redis, prefix, SILENCE_SECONDS)
    await redis.aclose()


Heard = AsyncGenerator[tuple[Run, ...], None]


@asynccontextmanager
async def listening(channel: CancelChannel) -> AsyncIterator[Heard]:
    async with aclosing(channel.listen()) as heard:
        assert await anext(heard) == ()
        yield heard


async def the_next(heard: Heard) -> tuple[Run, ...]:
    async with asyncio.timeout(5):
        while not (runs := await anext(heard)):
            pass
    return runs


async def test_all_who_listen_hear_all_runs_of_a_cancel(redis: Redis, prefix: str) -> None:
    channel = CancelChannel(redis, prefix)
    runs = tuple((uuid4(), fence) for fence in range(1, 1_001))

    async with listening(channel) as one, listening(channel) as another:
        await channel.publish(runs)

        assert await the_next(one) == await the_next(another) == runs


async def test_another_prefix_is_not_heard(redis: Redis, prefix: str) -> None:
    ours, run = CancelChannel(redis, prefix), (uuid4(), 1)

    async with listening(ours) as heard:
        await CancelChannel(redis, f"{prefix}-other").publish([(uuid4(), 1)])
        await ours.publish([run])

        assert await the_next(heard) == (run,)


async def test_what_is_no_run_says_nothing(redis: Redis, prefix: str) -> None:
    channel, run = CancelChannel(redis, prefix), (uuid4(), 7)
    garbage = b"\xff\xfe\n\nnull\n" + f"{uuid4()}\n{uuid4()} x\n1 1\n".encode()

    async with listening(channel) as heard:
        await redis.publish(f"{{{prefix}}}/cancelled", garbage)
        await redis.publish(f"{{{prefix}}}/cancelled", garbage + f"{run[0]} {run[1]}".encode())

        assert await the_next(heard) == (run,)


async def test_a_quiet_subscription_lasts(proxied: CancelChannel) -> None:
    run = (uuid4(), 1)

    async with listening(proxied) as heard:
        for _ in range(3):
            assert await anext(heard) == ()
        await proxied.publish([run])

        assert await the_next(heard) == (run,)


async def test_a_half_open_connection_is_found_out(
    proxy: FaultProxy, proxied: CancelChannel
) -> None:
    async with listening(proxied) as heard:
        proxy.half_open()

        with pytest.raises(RedisError):
            await the_next(heard)

    async with listening(proxied):
        pass


async def test_a_lost_connection_is_told_and_the_next_one_hears(
    proxy: FaultProxy, proxied: CancelChannel
) -> None:
    run = (uuid4(), 1)
    async with listening(proxied) as heard:
        proxy.refuse()
        proxy.cut()

        with pytest.raises((RedisError, OSError)):
            await the_next(heard)

    proxy.heal()
    async with listening(proxied) as heard:
        await proxied.publish([run])
        assert await the_next(heard) == (run,)


async def test_a_publish_that_is_not_answered_is_given_up_soon(
    proxy: FaultProxy, proxied: CancelChannel
) -> None:
    await proxied.publish([(uuid4(), 1)])
    proxy.blackhole()
    began = time.monotonic()

    for _ in range(2):
        with pytest.raises(RedisError):
            await proxied.publish([(uuid4(), 1)])

    assert time.monotonic() - began < 2 * PUBLISH_SECONDS + 1
