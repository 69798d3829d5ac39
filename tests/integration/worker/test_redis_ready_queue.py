"""The worker's end of the ready queue against a real server."""

import socket

import pytest
from redis.asyncio import Redis
from tests.builders import a_job

from treadle_wire.ready_queue import ReadySets, connect
from treadle_worker.adapters.outbound.redis_ready_queue import RedisReadyQueue
from treadle_worker.application.errors import ReadyQueueUnavailable

DEFAULT = ("default", "a")
STOPS = 200
AT_ONCE = 50


@pytest.fixture
def ready_sets(redis: Redis, prefix: str) -> ReadySets:
    return ReadySets(redis, prefix)


async def test_what_was_popped_is_put_back_with_its_rank(ready_sets: ReadySets) -> None:
    queue, job = RedisReadyQueue(ready_sets), a_job(queue="a")
    await ready_sets.add([job])
    popped = await queue.pop([DEFAULT], 10)
    assert popped is not None

    await queue.put_back(popped)

    assert await queue.pop([DEFAULT], 10) == popped
    assert popped.ranks == {job.id: job.rank}


async def test_garbage_is_counted_and_gone(ready_sets: ReadySets, redis: Redis) -> None:
    queue = RedisReadyQueue(ready_sets)
    await redis.zadd(ready_sets.key(*DEFAULT), {"": 0, "null": 1, "\N{GRINNING FACE}": 2})

    popped = await queue.pop([DEFAULT], 10)

    assert popped is not None
    assert (popped.ranks, popped.garbage) == ({}, 3)
    assert await redis.zcard(ready_sets.key(*DEFAULT)) == 0


async def test_a_server_that_is_away_is_told_as_such() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        redis = connect(f"redis://127.0.0.1:{closed.getsockname()[1]}/0")
        queue = RedisReadyQueue(ReadySets(redis, "test"))

        with pytest.raises(ReadyQueueUnavailable):
            await queue.pop([DEFAULT], 1)

        await redis.aclose()


async def test_a_pop_after_the_server_cut_the_connection_works_again(
    ready_sets: ReadySets, redis: Redis
) -> None:
    queue, job = RedisReadyQueue(ready_sets), a_job(queue="a")
    await ready_sets.add([job])
    await redis.connection_pool.disconnect()

    popped = await queue.pop([DEFAULT], 1)

    assert popped is not None
    assert [*popped.ranks] == [job.id]
