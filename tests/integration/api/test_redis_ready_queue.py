"""The ready queue as a hint: quick where Redis answers, silent and bounded in time where it does not."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterable
from uuid import uuid4

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs
from tests.builders import a_job

from treadle_api.adapters.outbound.redis_ready_queue import RedisReadyQueue
from treadle_domain.rank import Ranked
from treadle_wire.ready_queue import ReadySets, connect


class CountingSets(ReadySets):
    def __init__(self, redis: Redis, prefix: str) -> None:
        super().__init__(redis, prefix)
        self.pushed: list[int] = []

    async def add(self, jobs: Iterable[Ranked]) -> None:
        together = [*jobs]
        self.pushed.append(len(together))
        await super().add(together)


@pytest.fixture
async def deaf_port() -> AsyncIterator[int]:
    """Takes connections and never answers."""

    async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1_024):
            pass
        writer.close()

    server = await asyncio.start_server(ignore, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


def queue_at(port: int) -> RedisReadyQueue:
    return RedisReadyQueue(ReadySets(connect(f"redis://127.0.0.1:{port}/0"), "test"))


async def test_added_ids_are_popped_and_removed_ones_are_not(redis_url: str) -> None:
    redis = connect(redis_url)
    sets = ReadySets(redis, f"test-{uuid4()}")
    ready_queue = RedisReadyQueue(sets)
    kept, cancelled = a_job(), a_job()

    await ready_queue.add([kept, cancelled])
    await ready_queue.remove([cancelled])

    popped = await sets.pop([("default", "default")], 10)
    assert popped is not None
    assert popped.ranks == {kept.id: kept.rank}
    await redis.aclose()


async def test_more_submits_at_once_than_redis_connections_all_reach_redis(redis_url: str) -> None:
    redis = connect(redis_url)
    sets = ReadySets(redis, f"test-{uuid4()}")
    ready_queue = RedisReadyQueue(sets)
    jobs = [a_job() for _ in range(200)]

    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(ready_queue.add([job]))

    popped = await sets.pop([("default", "default")], 1_000)
    assert popped is not None
    assert popped.ranks.keys() == {job.id for job in jobs}
    await redis.aclose()


async def test_what_is_added_at_once_goes_in_one_push(redis_url: str) -> None:
    redis = connect(redis_url)
    sets = CountingSets(redis, f"test-{uuid4()}")
    ready_queue = RedisReadyQueue(sets)
    jobs = [a_job() for _ in range(50)]

    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(ready_queue.add([job]))

    assert sets.pushed == [50]
    await redis.aclose()


async def test_a_redis_that_is_gone_raises_nothing_and_is_told_once() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        ready_queue = queue_at(closed.getsockname()[1])
    started = time.monotonic()

    with capture_logs() as lines:
        for _ in range(3):
            await ready_queue.add([a_job()])

    assert time.monotonic() - started < 3
    assert [line["event"] for line in lines] == ["api: no answer"]


async def test_a_redis_that_does_not_answer_delays_no_more_than_the_first(deaf_port: int) -> None:
    ready_queue = queue_at(deaf_port)
    started = time.monotonic()

    await ready_queue.add([a_job()])
    first = time.monotonic() - started
    for _ in range(100):
        await ready_queue.add([a_job()])

    assert 0.9 < first < 2
    assert time.monotonic() - started - first < 0.5
