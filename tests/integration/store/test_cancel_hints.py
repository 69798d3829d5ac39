"""A cancel of a running job is told over Redis once it is on disk, and does not fail or hang where Redis does."""

import socket
import time
from contextlib import aclosing
from uuid import uuid4

from structlog.testing import capture_logs
from tests.integration.store.conftest import RunningStore
from tests.integration.store.rpc import claimed, got, opened, submitted

from treadle_store.adapters.outbound.redis_cancel_hints import RedisCancelHints
from treadle_wire.cancel_channel import CancelChannel
from treadle_wire.ready_queue import connect
from treadle_wire.store.v1 import job_store_pb2 as pb


async def test_a_cancel_is_told_when_it_is_on_disk(store: RunningStore) -> None:
    job_id = await submitted(store)
    await claimed(store, await opened(store), job_id)
    container = store.container
    channel = CancelChannel(container.redis(), container.settings().redis_key_prefix)

    async with aclosing(channel.listen()) as heard:
        await anext(heard)
        await store.rpc.CancelJobs(
            pb.ChangeJobsRequest(namespace="default", job_ids=[job_id.bytes])
        )
        told = await anext(heard)

    assert told == ((job_id, 1),)
    assert (await got(store, job_id)).job.cancel_requested_at is not None


async def test_a_redis_that_is_gone_or_silent_costs_a_line_in_the_log() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, capture_logs() as logs:
        for port in (1, silent.getsockname()[1]):
            redis, began = connect(f"redis://127.0.0.1:{port}/0"), time.monotonic()

            await RedisCancelHints(CancelChannel(redis, "test")).publish([(uuid4(), 1)])

            assert time.monotonic() - began < 2
            await redis.aclose()

    assert [line["event"] for line in logs] == ["cancel hints: not published"] * 2
