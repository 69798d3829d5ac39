"""The ends of jobs are told over Redis once they are on disk, and cost nothing where Redis fails."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from structlog.testing import capture_logs
from tests.chaos.fault_proxy import FaultProxy
from tests.eventually import eventually
from tests.integration.store.conftest import RunningStore
from tests.integration.store.rpc import a_report, claimed, finished, got, opened, submitted

from treadle_store.adapters.outbound.redis_job_ends import RedisJobEnds
from treadle_wire.channel import PUBLISH_SECONDS
from treadle_wire.ended_channel import EndedChannel
from treadle_wire.ready_queue import connect
from treadle_wire.store.v1 import job_store_pb2 as pb


@asynccontextmanager
async def telling(job_ends: RedisJobEnds) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(job_ends.run())
        yield
        task.cancel()


async def test_ends_are_told_when_they_are_on_disk(store: RunningStore) -> None:
    container = store.container
    channel = EndedChannel(container.redis(), container.settings().redis_key_prefix)
    ran, cancelled, unknown = [
        await submitted(store, type=of_type) for of_type in ("echo", "echo", "ecko")
    ]
    session = await opened(store, "echo")

    async with telling(container.job_ends()), aclosing(channel.listen()) as heard:
        await anext(heard)
        await claimed(store, session, ran, unknown)
        told = [await the_end(heard)]
        await finished(store, session, a_report(ran))
        told.append(await the_end(heard))
        await store.rpc.CancelJobs(
            pb.ChangeJobsRequest(namespace="default", job_ids=[cancelled.bytes])
        )
        told.append(await the_end(heard))

    assert told == [unknown, ran, cancelled]
    assert all([(await got(store, job_id)).job.state.is_final for job_id in told])


async def the_end(heard: AsyncGenerator[tuple[UUID, ...], None]) -> UUID:
    async with asyncio.timeout(5):
        while not (told := await anext(heard)):
            pass
    [job_id] = told
    return job_id


async def test_what_is_told_while_a_message_is_under_way_goes_in_one(redis_url: str) -> None:
    redis = connect(redis_url)
    channel = EndedChannel(redis, f"test-{uuid4()}")
    job_ends, job_ids = RedisJobEnds(channel), [uuid4() for _ in range(2_500)]

    async with aclosing(channel.listen()) as heard:
        await anext(heard)
        async with telling(job_ends):
            job_ends.tell([])
            await asyncio.sleep(0)
            for job_id in job_ids:
                job_ends.tell([job_id])

            assert [*await anext(heard)] == job_ids
    await redis.aclose()


async def test_a_redis_that_is_silent_holds_nobody_up_and_is_told_of_once(redis_url: str) -> None:
    with FaultProxy(urlsplit(redis_url).port or 6379) as proxy, capture_logs() as logs:
        redis = connect(f"redis://127.0.0.1:{proxy.port}/0")
        channel = EndedChannel(redis, f"test-{uuid4()}")
        job_ends, last = RedisJobEnds(channel), uuid4()

        async with telling(job_ends):
            proxy.blackhole()
            deadline = time.monotonic() + 2.5 * PUBLISH_SECONDS
            while time.monotonic() < deadline:
                job_ends.tell([uuid4()])
                await asyncio.sleep(0.01)
            proxy.heal()
            async with aclosing(channel.listen()) as heard:
                await anext(heard)
                job_ends.tell([last])
                assert last in await anext(heard)
            await eventually(lambda: len(logs) > 1)
        await redis.aclose()

    assert [line["event"] for line in logs] == ["job ends: not told", "job ends: told again"]
    assert logs[1]["failures"] > 1
