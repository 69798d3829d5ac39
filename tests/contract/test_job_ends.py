"""What is told of ends on the store's side is heard on the API's, in memory and over Redis."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from uuid import UUID, uuid4

import pytest
from tests.fakes.in_memory_job_ends import InMemoryJobEnds

import treadle_api.adapters.outbound.redis_job_ends as api
import treadle_api.application.ports
import treadle_store.adapters.outbound.redis_job_ends as store
import treadle_store.application.ports
from treadle_wire.ended_channel import EndedChannel
from treadle_wire.ready_queue import connect

Told = treadle_store.application.ports.JobEnds
Heard = treadle_api.application.ports.JobEnds


@pytest.fixture(params=["in memory", "Redis"])
async def sides(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Told, Heard]]:
    if request.param == "in memory":
        ends = InMemoryJobEnds()
        yield ends, ends
        return
    redis = connect(request.getfixturevalue("redis_url"))
    channel = EndedChannel(redis, f"test-{uuid4()}")
    told = store.RedisJobEnds(channel)
    async with asyncio.TaskGroup() as tasks:
        telling = tasks.create_task(told.run())
        yield told, api.RedisJobEnds(channel)
        telling.cancel()
    await redis.aclose()


async def test_all_who_listen_hear_what_is_told(sides: tuple[Told, Heard]) -> None:
    told, heard = sides
    job_ids = {uuid4() for _ in range(3)}

    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        listeners = [tasks.create_task(hear(heard, job_ids)) for _ in range(2)]
        # A hint that nobody hears yet is lost, so it is told until it is heard.
        while not all(listener.done() for listener in listeners):
            told.tell([*job_ids])
            told.tell([])
            await asyncio.sleep(0.02)

    assert all(listener.result() == job_ids for listener in listeners)


async def hear(ends: Heard, expected: set[UUID]) -> set[UUID]:
    heard = set[UUID]()
    async with aclosing(ends.listen()) as messages:
        async for job_ids in messages:
            heard |= {*job_ids}
            if heard >= expected:
                break
    return heard
