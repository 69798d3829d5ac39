"""A worker process stays prompt whatever the code that it runs does with the processor, the log and the socket."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import psutil
import pytest
from tests.builders import SECOND, a_job
from tests.e2e.processes import ServiceProcess, free_port
from tests.integration.worker.granting_store import GrantingStore
from tests.unit.worker.fakes import a_run

from treadle_domain.outcomes import Failed, Released, Succeeded
from treadle_wire.ready_queue import ReadySets, connect

LEASE = 3 * SECOND
LONGEST_GAP_SECONDS = LEASE.total_seconds() / 2
LONGEST_ANSWER_SECONDS = 1.0
MOST_GROWTH_MB = 100
MOST_KEPT = 4
MIB = 2**20


@dataclass
class Scene:
    """A worker process with two executors, its store and its ready queue."""

    store: GrantingStore
    worker: ServiceProcess
    ready_sets: ReadySets
    answers: list[float] = field(default_factory=list)
    """Seconds that the probe took."""
    memory_mb: list[float] = field(default_factory=list)
    """Of the supervisor."""

    async def put_in(
        self, type: str, payload: Any, times: int = 1, limit: timedelta = 60 * SECOND
    ) -> list[UUID]:
        jobs = [a_job(type=type) for _ in range(times)]
        for job in jobs:
            run = a_run(job.id, type=type, payload=json.dumps(payload).encode(), timeout=limit)
            self.store.runs[job.id] = run
        await self.ready_sets.add(jobs)
        return [job.id for job in jobs]

    def supervisor_mb(self) -> float:
        return psutil.Process(self.worker.pid).memory_info().rss / MIB

    def stayed_prompt(self) -> bool:
        assert self.store.sessions == 1
        assert self.store.longest_gap <= LONGEST_GAP_SECONDS, self.store.longest_gap
        assert max(self.answers) <= LONGEST_ANSWER_SECONDS, max(self.answers)
        return True


@pytest.fixture
async def scene(redis_url: str, tmp_path: Path) -> AsyncIterator[Scene]:
    prefix, probe = f"test-{uuid4()}", free_port()
    redis = connect(redis_url)
    store = GrantingStore(lease=LEASE)
    async with store.serving():
        environment = {
            "TREADLE_WORKER_HANDLERS": "tests.integration.worker.busy_handlers:handlers",
            "TREADLE_WORKER_EXECUTORS": "2",
            "TREADLE_WORKER_PROBE_PORT": str(probe),
            "TREADLE_STOP_GRACE_SECONDS": "0.5",
            "TREADLE_STORE_TARGET": f"127.0.0.1:{store.port}",
            "TREADLE_REDIS_URL": redis_url,
            "TREADLE_REDIS_KEY_PREFIX": prefix,
        }
        worker = ServiceProcess("worker", environment, tmp_path)
        worker.start()
        try:
            scene = Scene(store, worker, ReadySets(redis, prefix))
            async with _sampled(f"http://127.0.0.1:{probe}", scene):
                yield scene
        finally:
            worker.kill_if_alive()
            await redis.aclose()


@asynccontextmanager
async def _sampled(url: str, scene: Scene) -> AsyncIterator[None]:
    """Ten times a second from the first answer on."""
    async with httpx.AsyncClient(base_url=url) as client, asyncio.TaskGroup() as group:
        async with asyncio.timeout(30):
            while not await _ready(client):  # noqa: ASYNC110 - it is another process
                await asyncio.sleep(0.05)

        async def sample() -> None:
            while True:
                began = time.monotonic()
                await client.get("/health/live")
                scene.answers.append(time.monotonic() - began)
                scene.memory_mb.append(scene.supervisor_mb())
                await asyncio.sleep(0.1)

        sampling = group.create_task(sample())
        yield
        sampling.cancel()


async def _ready(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/health/ready")).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


async def test_heartbeats_and_probes_are_prompt_while_code_burns_all_processors(
    scene: Scene,
) -> None:
    ids = await scene.put_in("spin", 3.0, times=8)
    ids += await scene.put_in("block", 2.5, times=2)
    ids += await scene.put_in("c_loop", None, limit=2 * SECOND)

    await scene.store.until_ended(ids, within_seconds=30)

    assert scene.stayed_prompt()


async def test_a_flood_of_output_checkpoints_and_large_results_holds_up_nothing(
    scene: Scene,
) -> None:
    ids = await scene.put_in("shout", 1.6, times=2)
    ids += await scene.put_in("tell", 1.6, times=4)
    ids += await scene.put_in("large", MIB - 2, times=20)
    before = scene.supervisor_mb()

    await scene.store.until_ended(ids, within_seconds=30)

    assert scene.stayed_prompt()
    assert max(scene.memory_mb) - before <= MOST_GROWTH_MB
    assert {type(report.outcome) for report in scene.store.ends} == {Succeeded}
    assert scene.store.progress <= 4 * 20


async def test_a_blocked_executor_keeps_next_to_nothing_from_the_other(scene: Scene) -> None:
    """B54: the other runs them meanwhile."""
    [stuck] = await scene.put_in("c_loop", None, limit=SECOND)
    quick = await scene.put_in("echo", 1, times=30)

    await scene.store.until_ended([*quick, stuck], within_seconds=30)

    ends = {report.job_id: report.outcome for report in scene.store.ends}
    assert isinstance(ends.pop(stuck), Failed)
    kept = [outcome for outcome in ends.values() if outcome != Succeeded()]
    assert kept == [Released(unstarted=True)] * len(kept)
    assert len(kept) <= MOST_KEPT
    assert scene.stayed_prompt()
