"""What the Redis hand-off does when the server refuses, became a replica, or does not answer."""

import asyncio
import socket
import struct
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from random import Random
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import uvloop
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError, ReadOnlyError, RedisError
from structlog.testing import capture_logs
from tests.builders import a_job
from tests.chaos.fault_proxy import FaultProxy
from tests.integration.own_valkey import own_valkey

from treadle_wire.ready_queue import ReadySets, connect

_HOST = "127.0.0.1"
QUEUE = ("default", "default")
AT_ONCE = timedelta(milliseconds=5)


@pytest.fixture(scope="module")
def valkey_url() -> Iterator[str]:
    with own_valkey() as url:
        yield url


@pytest.fixture
async def redis(valkey_url: str) -> AsyncIterator[Redis]:
    redis = connect(valkey_url)
    await redis.flushall()
    yield redis
    await redis.replicaof("NO", "ONE")
    await redis.config_set("maxmemory", 0)
    await redis.config_set("maxmemory-policy", "noeviction")
    await redis.aclose()


@pytest.fixture
def ready(redis: Redis) -> ReadySets:
    return ReadySets(redis, "test")


async def test_full_memory_refuses_pushes_and_still_lets_pop(
    redis: Redis, ready: ReadySets
) -> None:
    held, refused = a_job(), a_job()
    await ready.add([held])
    await redis.config_set("maxmemory", 1)

    with pytest.raises(OutOfMemoryError):
        await ready.add([refused])

    popped = await ready.pop([QUEUE], 10, block=AT_ONCE)
    assert popped is not None
    assert [*popped.ranks] == [held.id]
    await redis.config_set("maxmemory", 0)
    await ready.add([refused])


async def test_who_meets_a_replica_connects_anew(redis: Redis, ready: ReadySets) -> None:
    before = await redis.client_id()
    await redis.replicaof("127.0.0.1", "1")

    with pytest.raises(ReadOnlyError):
        await ready.add([a_job()])
    with pytest.raises(ReadOnlyError):
        await ready.pop([QUEUE], 1, block=AT_ONCE)

    assert await redis.client_id() != before
    await redis.replicaof("NO", "ONE")
    await ready.add([a_job()])


async def test_a_server_that_forgot_the_scripts_gets_them_again(
    redis: Redis, ready: ReadySets
) -> None:
    await ready.add([a_job()])
    await redis.script_flush()

    await ready.add([a_job()])

    assert await redis.zcard(ready.key(*QUEUE)) == 2


@pytest.mark.parametrize("key", ["ready/default/default", "boundary", "filling", "cap"])
async def test_a_spoilt_key_is_dropped_by_the_push_with_a_word(
    redis: Redis, ready: ReadySets, key: str
) -> None:
    await redis.rpush(f"{{test}}/{key}", "no hint of ours")

    with capture_logs() as logs:
        await ready.add([a_job()])

    assert [line["key"] for line in logs] == [f"{{test}}/{key}"]
    assert await redis.zcard(ready.key(*QUEUE)) == 1


async def test_an_eviction_policy_that_forgets_is_told(redis: Redis, ready: ReadySets) -> None:
    assert await ready.eviction_policy_problem() is None

    await redis.config_set("maxmemory-policy", "allkeys-lru")
    assert await ready.eviction_policy_problem() is None

    await redis.config_set("maxmemory", "100mb")
    assert "allkeys-lru" in (await ready.eviction_policy_problem() or "")


async def test_cancelled_commands_shift_no_replies(redis: Redis) -> None:
    values = {f"key-{n}": str(uuid4()).encode() for n in range(300)}
    await redis.mset(values)
    chance, cancelled = Random(7), 0

    async def read(key: str) -> None:
        async with redis.pipeline(transaction=False) as pipeline:
            for _ in range(2):
                pipeline.get(key)
            assert await pipeline.execute() == [values[key]] * 2
        assert await redis.get(key) == values[key]

    seconds = []
    for key in [*values][:5]:
        began = time.monotonic()
        await read(key)
        seconds.append(time.monotonic() - began)
    for key in values:
        try:
            async with asyncio.timeout(chance.random() * min(seconds)):
                await read(key)
        except TimeoutError:
            cancelled += 1

    assert cancelled > 20
    for key in values:
        await read(key)


async def test_a_pop_whose_reply_got_lost_is_not_sent_again() -> None:
    received: list[bytes] = []

    async def cut_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(10_000):
            received.append(data)
            if b"BZMPOP" in data:
                break
            writer.write(b"+OK\r\n" * data.count(b"*"))
        writer.close()

    async with await asyncio.start_server(cut_off, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        redis = connect(f"redis://127.0.0.1:{port}/0?protocol=2")
        with pytest.raises(RedisError):
            await ReadySets(redis, "test").pop([QUEUE], 1)
        await redis.aclose()

    assert b"".join(received).count(b"BZMPOP") == 1


async def test_a_server_that_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        redis = connect(url, reply_timeout_seconds=0.1)
        began = time.monotonic()

        with pytest.raises(RedisError):
            await ReadySets(redis, "test").add([a_job()])

        assert time.monotonic() - began < 2
        await redis.aclose()


async def test_the_first_connection_that_fell_silent_is_the_last_to_be_waited_for(
    valkey_url: str,
) -> None:
    with FaultProxy(urlsplit(valkey_url).port or 6379) as proxy:
        redis = connect(f"redis://127.0.0.1:{proxy.port}/0", reply_timeout_seconds=0.5)
        ready = ReadySets(redis, "test")
        await add_at_once(ready, 10)
        proxy.half_open()

        with pytest.raises(RedisError):
            await ready.add([a_job()])
        began = time.monotonic()
        await add_at_once(ready, 10)

        assert time.monotonic() - began < 0.5
        await redis.aclose()


async def add_at_once(ready: ReadySets, jobs: int) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(jobs):
            group.create_task(ready.add([a_job()]))


async def test_too_many_commands_at_once_wait_for_a_connection(ready: ReadySets) -> None:
    await add_at_once(ready, 300)

    popped = await ready.pop([QUEUE], 1_000)
    assert popped is not None
    assert len(popped.ranks) == 300


@contextmanager
def _resetting() -> Iterator[int]:
    """The port of a server that resets every connection as soon as there is one."""
    with socket.create_server((_HOST, 0)) as server:

        def reset_all() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        linger = struct.pack("ii", 1, 0)
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

        threading.Thread(target=reset_all, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_a_connection_that_is_reset_before_the_first_word_is_an_outage(
    run: Callable[[Coroutine[Any, Any, None]], None],
) -> None:
    async def asked(port: int) -> None:
        async with connect(f"redis://{_HOST}:{port}/0") as redis:
            for _ in range(100):
                with pytest.raises((RedisError, OSError)):
                    await redis.ping()

    with _resetting() as port:
        run(asked(port))
