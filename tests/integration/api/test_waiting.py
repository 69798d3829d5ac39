"""Clients that wait, before the API as a process, over real connections and a real Redis."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from subprocess import Popen
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from structlog.testing import capture_logs
from tests.chaos.fault_proxy import FaultProxy
from tests.eventually import eventually
from tests.integration.api.serving_store import ServingStore
from tests.integration.api.test_process import api_process, ended, free_port, until_live
from tests.unit.api.running import run

from treadle_api.adapters.outbound.redis_job_ends import RedisJobEnds
from treadle_domain.outcomes import Succeeded
from treadle_wire.ended_channel import EndedChannel
from treadle_wire.ready_queue import connect

JOB = {"type": "echo"}


@pytest.fixture
async def serving_store() -> AsyncIterator[ServingStore]:
    serving_store = ServingStore()
    async with serving_store.store.hand_over, serving_store.serving():
        yield serving_store


@asynccontextmanager
async def api(
    store: ServingStore, **settings: str
) -> AsyncIterator[tuple[Popen[str], httpx.AsyncClient]]:
    port = free_port()
    with api_process(store.target, port, **settings) as process:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            await until_live(client)
            yield process, client


async def the_job_of(store: ServingStore) -> UUID:
    """Once the end of the only one is waited for."""
    await eventually(lambda: "GetEndedJobs" in store.faults.calls)
    [job] = store.store.jobs.all()
    return job.id


async def test_without_redis_an_end_is_found_all_the_same(serving_store: ServingStore) -> None:
    async with api(serving_store) as (_, client), asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(client.post("/v1/jobs?wait=30", json=JOB))
        await run(serving_store.store, await the_job_of(serving_store), Succeeded(), b"1")
        ended_at = time.monotonic()
        answer = await asked

    assert (answer.status_code, answer.json()["state"]) == (201, "SUCCESS")
    assert time.monotonic() - ended_at < 2


async def test_a_client_that_hangs_up_leaves_its_place_to_the_next(
    serving_store: ServingStore,
) -> None:
    async with api(serving_store, TREADLE_API_WAITERS_LIMIT="1") as (_, client):
        location = (await client.post("/v1/jobs", json=JOB)).headers["location"]
        with pytest.raises(httpx.ReadTimeout):
            await client.get(f"{location}?wait=60", timeout=0.3)

        answer = await client.get(f"{location}?wait=1")

    assert answer.headers["preference-applied"] == "wait=1"


async def test_when_it_stops_clients_that_wait_are_answered_at_once(
    serving_store: ServingStore,
) -> None:
    async with api(serving_store) as (process, client), asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(client.post("/v1/jobs?wait=60", json=JOB)) for _ in range(20)]
        await eventually(lambda: len(serving_store.store.jobs.all()) == len(asked))
        await eventually(lambda: "GetEndedJobs" in serving_store.faults.calls)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        answers = [await each for each in asked]
        answered_after = time.monotonic() - began
        status, lines = await ended(process)

    assert {(a.status_code, a.json()["state"]) for a in answers} == {(201, "PENDING")}
    assert not any("preference-applied" in answer.headers for answer in answers)
    assert answered_after < 2
    assert (status, "Traceback" in lines) == (0, False), lines


async def test_a_connection_to_redis_that_breaks_is_made_anew(redis_url: str) -> None:
    with FaultProxy(urlsplit(redis_url).port or 6379) as proxy, capture_logs() as logs:
        redis = connect(f"redis://127.0.0.1:{proxy.port}/0")
        channel = EndedChannel(redis, f"test-{uuid4()}")
        async with aclosing(RedisJobEnds(channel).listen()) as heard, asyncio.timeout(10):
            assert await anext(heard) == ()
            proxy.cut()
            assert await anext(heard) == ()
            await channel.publish([job_id := uuid4()])

            assert await anext(heard) == (job_id,)
        await redis.aclose()

    assert [line["event"] for line in logs] == ["api: no answer", "api: answers again"]
