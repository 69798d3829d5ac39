"""The REST face over a store in memory."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp
from tests.fakes.in_memory_api_keys import InMemoryApiKeys
from tests.fakes.in_memory_rate_limits import InMemoryRateLimits
from tests.fakes.store_over_memory import StoreOverMemory
from tests.unit.api.in_memory_job_store import (
    InMemoryJobStore,
    InMemoryReadyQueue,
    StoreHealthAnswer,
)

from treadle_api.adapters.inbound.http.app import create_app
from treadle_api.adapters.inbound.http.batch_routes import BatchRoutes
from treadle_api.adapters.inbound.http.callers import AnyCaller, Callers
from treadle_api.adapters.inbound.http.cursor import Cursors
from treadle_api.adapters.inbound.http.direct_routes import DirectRoutes
from treadle_api.adapters.inbound.http.job_routes import JobRoutes
from treadle_api.adapters.inbound.http.key_routes import KeyRoutes
from treadle_api.adapters.inbound.http.metrics import MeteredApp
from treadle_api.adapters.inbound.http.probes import Probes
from treadle_api.adapters.inbound.http.queue_routes import QueueRoutes
from treadle_api.adapters.inbound.http.rate_limiting import LimitedCallers
from treadle_api.application.cancel_job import CancelJob
from treadle_api.application.key_ring import KeyRing
from treadle_api.application.limit_rate import LimitRate
from treadle_api.application.make_key import MakeKey
from treadle_api.application.submit_batch import SubmitBatch
from treadle_api.application.submit_job import SubmitJob
from treadle_api.application.wait_for_job import WaitForJob
from treadle_api.application.waiters import LOOK_SECONDS, MOST_HELD_BYTES, Waiters
from treadle_domain.ids import JobIds

PAYLOAD_LIMIT_BYTES = 10_000
BATCH_LIMIT_BYTES = 2_000_000
BURST_SECONDS = 5


@dataclass
class Api:
    client: httpx.AsyncClient
    app: DirectRoutes
    job_store: InMemoryJobStore
    ready_queue: InMemoryReadyQueue
    store_health: StoreHealthAnswer
    waiters: Waiters
    registry: CollectorRegistry

    @property
    def store(self) -> StoreOverMemory:
        return self.job_store.store

    async def submit(self, **said: Any) -> dict[str, Any]:
        response = await self.client.post("/v1/jobs", json={"type": "echo"} | said)
        assert response.status_code == 201, response.text
        return dict(response.json())

    async def post_text(self, body: bytes, **headers: str) -> httpx.Response:
        said = {"content-type": "application/json"} | headers
        return await self.client.post("/v1/jobs", content=body, headers=said)


@dataclass
class Parts:
    job_store: InMemoryJobStore = field(default_factory=InMemoryJobStore)
    ready_queue: InMemoryReadyQueue = field(default_factory=InMemoryReadyQueue)
    store_health: StoreHealthAnswer = field(default_factory=StoreHealthAnswer)
    callers: Callers = field(default_factory=lambda: AnyCaller("default"))
    api_keys: InMemoryApiKeys = field(default_factory=InMemoryApiKeys)
    cursor_key: bytes = b"the key of all replicas"
    waiters_limit: int = 10
    held_bytes_limit: int = MOST_HELD_BYTES
    look_seconds: float = LOOK_SECONDS
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    rate_limits: InMemoryRateLimits = field(default_factory=InMemoryRateLimits)
    rate_limit_per_second: int = 0

    def __post_init__(self) -> None:
        self.key_ring = KeyRing(self.api_keys, time.monotonic)
        self.waiters = Waiters(
            self.job_store,
            self.job_store.store.job_ends,
            self.waiters_limit,
            self.held_bytes_limit,
            self.look_seconds,
        )

    def app(self) -> DirectRoutes:
        milliseconds = count(1)
        ids = JobIds(now_ms=lambda: next(milliseconds), chance=lambda _: 0)
        cursors = Cursors(self.cursor_key)
        limit_rate = LimitRate(
            rate_limits=self.rate_limits,
            per_second=self.rate_limit_per_second,
            burst_seconds=BURST_SECONDS,
        )
        callers = LimitedCallers(self.callers, limit_rate, self.registry)
        routes = JobRoutes(
            ids=ids,
            job_store=self.job_store,
            job_reads=self.job_store,
            submit_job=SubmitJob(
                submits=self.job_store,
                job_store=self.job_store,
                ready_queue=self.ready_queue,
            ),
            wait_for_job=WaitForJob(waiters=self.waiters, job_store=self.job_store),
            cancel_job=CancelJob(job_store=self.job_store, ready_queue=self.ready_queue),
            cursors=cursors,
            callers=callers,
            payload_limit_bytes=PAYLOAD_LIMIT_BYTES,
        )
        batches = BatchRoutes(
            ids=ids,
            submit_batch=SubmitBatch(job_store=self.job_store, ready_queue=self.ready_queue),
            callers=callers,
            charge=limit_rate.charge,
            payload_limit_bytes=PAYLOAD_LIMIT_BYTES,
            batch_limit_bytes=BATCH_LIMIT_BYTES,
        )
        queues = QueueRoutes(job_store=self.job_store, cursors=cursors, callers=callers)
        keys = KeyRoutes(callers=callers, api_keys=self.api_keys, make_key=MakeKey(self.api_keys))
        probes = Probes(self.store_health, self.waiters, self.registry)
        return DirectRoutes(create_app(routes, batches, queues, keys, probes))


def client_of(app: ASGIApp) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://api")


@asynccontextmanager
async def api_of(parts: Parts) -> AsyncIterator[Api]:
    app = parts.app()
    async with (
        parts.job_store.store.hand_over,
        asyncio.TaskGroup() as tasks,
        client_of(MeteredApp(app, parts.registry, parts.waiters)) as client,
    ):
        waiting = tasks.create_task(parts.waiters.run())
        yield Api(
            client,
            app,
            parts.job_store,
            parts.ready_queue,
            parts.store_health,
            parts.waiters,
            parts.registry,
        )
        waiting.cancel()


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with api_of(Parts()) as api:
        yield api
