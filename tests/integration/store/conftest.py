"""A store as it is in production, in this process: real PostgreSQL, real Valkey, real gRPC on a free port."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

import grpc
import pytest
from tests.fakes.store_over_postgres import SteppedClock, StoreOverPostgres, stepped_clock

from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.container import Container
from treadle_store.settings import Settings
from treadle_wire.ready_queue import ReadySets
from treadle_wire.store.v1.job_store_pb2_grpc import JobStoreStub

if TYPE_CHECKING:  # the stubs name a class that the generated module does not have
    from treadle_wire.store.v1.job_store_pb2_grpc import JobStoreAsyncStub


@dataclass(frozen=True)
class RunningStore:
    rpc: "JobStoreAsyncStub"
    container: Container
    target: str

    @property
    def ready_sets(self) -> ReadySets:
        return self.container.ready_sets()


@pytest.fixture
async def store(migrated_database_url: str, redis_url: str) -> AsyncIterator[RunningStore]:
    settings = Settings(
        database_url=migrated_database_url,
        redis_url=redis_url,
        redis_key_prefix=f"test-{uuid4()}",
        store_listen="127.0.0.1:0",
        unknown_type_grace_seconds=0,
    )
    container = Container(settings=settings)
    server = container.server()
    await server.start()
    target = f"127.0.0.1:{server.port}"
    async with grpc.aio.insecure_channel(target) as channel, container.hand_over():
        yield RunningStore(JobStoreStub(channel), container, target)
        await server.stop(0)
    await container.redis().aclose()
    await container.database().close()


@pytest.fixture
def clock(migrated_database_url: str) -> Iterator[SteppedClock]:
    with stepped_clock(migrated_database_url) as clock:
        yield clock


@pytest.fixture
async def replicas(
    clock: SteppedClock, migrated_database_url: str
) -> AsyncIterator[list[StoreOverPostgres]]:
    """Two of the store's use cases on one database, whose time only `clock` moves."""
    async with AsyncExitStack() as stack:
        replicas = []
        for _ in range(2):
            database = Database(migrated_database_url, pool_size=10)
            stack.push_async_callback(database.close)
            replicas.append(StoreOverPostgres(database))
            await stack.enter_async_context(replicas[-1].hand_over)
        yield replicas
