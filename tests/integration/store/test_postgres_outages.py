"""A whole store while PostgreSQL stops, crashes, cuts connections or is not there yet: nothing is restarted but it."""

import asyncio
import multiprocessing
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from uuid import UUID, uuid4

import grpc
import psycopg
import pytest
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub
from tests.backing import fresh_database
from tests.builders import a_new_job
from tests.eventually import eventually

from treadle_api.adapters.outbound.grpc_job_store import GrpcJobStore
from treadle_api.application.errors import StoreUnavailable
from treadle_local.binaries import find_postgres
from treadle_local.data_folder import throwaway_data_folder
from treadle_local.endpoints import free_port
from treadle_local.guard import Guard
from treadle_local.postgres_server import PostgresServer
from treadle_store.adapters.outbound.postgres.migrate import migrate
from treadle_store.container import Container
from treadle_store.settings import Settings
from treadle_wire.store.v1 import job_store_pb2 as pb
from treadle_wire.store.v1.job_store_pb2_grpc import JobStoreStub
from treadle_wire.store_channel import open_channel

if TYPE_CHECKING:  # generic, or there at all, in the stubs only
    from multiprocessing.connection import Connection

    from treadle_wire.store.v1.job_store_pb2_grpc import JobStoreAsyncStub

CLIENTS = 20
NOBODY_IS_THERE = "redis://127.0.0.1:1/0"
END_ALL_BACKENDS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


class StoppablePostgres:
    """In a process of its own: a fork of this one, full of gRPC's threads, may never get to its exec."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._commands, far_end = context.Pipe()
        self._process = context.Process(target=_obey, args=(far_end,))
        self._process.start()
        self.url: str = self._commands.recv()

    async def do(self, command: Literal["start", "stop", "kill"]) -> None:
        self._commands.send(command)
        await asyncio.to_thread(self._commands.recv)

    def close(self) -> None:
        self._commands.send(None)
        self._process.join()
        self._process.close()


def _obey(commands: "Connection[str | None, str | None]") -> None:
    with throwaway_data_folder() as folder, Guard() as guard:
        server = PostgresServer(
            folder=folder, program=find_postgres(), guard=guard, port=free_port(), durable=False
        )
        with server:
            commands.send(server.url())
            while (command := commands.recv()) is not None:
                getattr(server, command)()
                commands.send("done")


@pytest.fixture(scope="module")
def postgres() -> Iterator[StoppablePostgres]:
    postgres = StoppablePostgres()
    yield postgres
    postgres.close()


@dataclass
class RunningStore:
    channel: grpc.aio.Channel
    database_url: str

    @property
    def rpc(self) -> "JobStoreAsyncStub":
        return JobStoreStub(self.channel)

    async def is_serving(self) -> bool:
        answer = await HealthStub(self.channel).Check(health_pb2.HealthCheckRequest(), timeout=1)
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    async def until_health_is(self, serving: bool, within_seconds: float) -> None:
        deadline = time.monotonic() + within_seconds
        while await self.is_serving() is not serving:
            assert time.monotonic() < deadline, f"health did not become {serving}"
            await asyncio.sleep(0.02)

    def sql(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return connection.execute(statement.encode(), values).fetchall()


@asynccontextmanager
async def running_store(database_url: str, pool_size: int = 10) -> AsyncIterator[RunningStore]:
    """With its timers, and without Redis."""
    settings = Settings(
        database_url=database_url,
        database_pool_size=pool_size,
        redis_url=NOBODY_IS_THERE,
        redis_key_prefix=f"test-{uuid4()}",
        store_listen="127.0.0.1:0",
    )
    container = Container(settings=settings)
    server = container.server()
    await server.start()
    async with container.hand_over(), asyncio.TaskGroup() as group:
        timers = [group.create_task(timer.run()) for timer in container.timers()]
        async with open_channel(f"127.0.0.1:{server.port}") as channel:
            yield RunningStore(channel, database_url)
        await server.stop(0)
        for timer in timers:
            timer.cancel()
    await container.redis().aclose()
    await container.database().close()


@dataclass
class Submitting:
    """Clients of the API that submit without a pause; `last` has the time of each one's last success."""

    port: GrpcJobStore
    accepted: list[UUID] = field(default_factory=list)
    failures: list[float] = field(default_factory=list)
    last: dict[int, float] = field(default_factory=dict)

    async def for_ever(self, client: int) -> None:
        while True:
            new, started = a_new_job(), time.monotonic()
            try:
                await self.port.submit("default", [new])
            except StoreUnavailable:
                self.failures.append(time.monotonic() - started)
            else:
                self.accepted.append(new.submission.id)
                self.last[client] = time.monotonic()

    async def all_succeed_since(self, moment: float, within_seconds: float) -> None:
        def have_all() -> bool:
            return len(self.last) == CLIENTS and min(self.last.values()) > moment

        await eventually(have_all, within_seconds)


@asynccontextmanager
async def submitting_to(store: RunningStore) -> AsyncIterator[Submitting]:
    submitting = Submitting(GrpcJobStore(store.channel))
    async with asyncio.TaskGroup() as group:
        clients = [group.create_task(submitting.for_ever(number)) for number in range(CLIENTS)]
        await submitting.all_succeed_since(0.0, within_seconds=5)
        yield submitting
        for client in clients:
            client.cancel()


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_after_a_restart_of_postgresql_all_goes_on(
    postgres: StoppablePostgres, end: Literal["stop", "kill"]
) -> None:
    with fresh_database(postgres.url) as url:
        migrate(url)
        async with running_store(url) as store, submitting_to(store) as submitting:
            await postgres.do(end)
            await store.until_health_is(False, within_seconds=2)
            await postgres.do("start")
            await submitting.all_succeed_since(time.monotonic(), within_seconds=3)
            await store.until_health_is(True, within_seconds=2)

        stored = {row[0] for row in store.sql("SELECT id FROM live_jobs")}

    assert set(submitting.accepted) <= stored
    assert all(seconds < 5.5 for seconds in submitting.failures)


async def test_a_store_may_start_before_postgresql_and_before_the_migration(
    postgres: StoppablePostgres,
) -> None:
    with fresh_database(postgres.url) as url:
        await postgres.do("stop")
        async with running_store(url) as store:
            port = GrpcJobStore(store.channel)
            assert not await store.is_serving()

            await postgres.do("start")
            with pytest.raises(StoreUnavailable):
                await port.submit("default", [a_new_job()])
            assert not await store.is_serving()

            await asyncio.to_thread(migrate, url)
            await store.until_health_is(True, within_seconds=3)
            assert await port.submit("default", [a_new_job()])


async def test_ended_backends_fail_no_submit(migrated_database_url: str) -> None:
    async with running_store(migrated_database_url) as store, submitting_to(store) as submitting:
        for _ in range(3):
            await asyncio.to_thread(store.sql, END_ALL_BACKENDS)
            await submitting.all_succeed_since(time.monotonic(), within_seconds=3)

    assert submitting.failures == []


async def test_when_all_connections_are_in_use_calls_are_refused_in_time_and_then_go_on(
    migrated_database_url: str,
) -> None:
    async with running_store(migrated_database_url, pool_size=2) as store:
        await store.until_health_is(True, within_seconds=3)
        with psycopg.connect(migrated_database_url) as other:
            other.execute("LOCK TABLE live_jobs IN ACCESS EXCLUSIVE MODE")
            async with asyncio.TaskGroup() as group:
                asked = [group.create_task(code_of_a_read(store)) for _ in range(CLIENTS)]
                await eventually(lambda: sum(task.done() for task in asked) == CLIENTS - 2)
                other.rollback()
        codes = sorted(task.result().name for task in asked)

    assert codes == ["OK"] * 2 + ["UNAVAILABLE"] * (CLIENTS - 2)


async def code_of_a_read(store: RunningStore) -> grpc.StatusCode:
    try:
        await store.rpc.ListJobs(pb.ListJobsRequest(namespace="default", limit=1), timeout=8)
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


async def test_a_call_that_was_the_victim_of_a_deadlock_is_made_again(
    migrated_database_url: str,
) -> None:
    jobs = [a_new_job() for _ in range(2)]
    first, second = sorted(job.submission.id for job in jobs)
    async with running_store(migrated_database_url) as store:
        await GrpcJobStore(store.channel).submit("default", jobs)
        request = pb.ChangeJobsRequest(namespace="default", job_ids=[first.bytes, second.bytes])
        with psycopg.connect(migrated_database_url) as other, other.cursor() as cursor:
            cursor.execute("SET LOCAL deadlock_timeout = '1min'")  # so the store is the victim
            cursor.execute("SELECT 1 FROM live_jobs WHERE id = %s FOR UPDATE", [second])
            async with asyncio.TaskGroup() as group:
                asked = group.create_task(cancel_both(store, request))
                await eventually(lambda: bool(waiting(store)))
                await asyncio.to_thread(
                    cursor.execute, "SELECT 1 FROM live_jobs WHERE id = %s FOR UPDATE", [first]
                )
                other.commit()
        await eventually(lambda: deadlocks(store) == 1)

    assert [answer.WhichOneof("answer") for answer in asked.result().answers] == ["job", "job"]


async def cancel_both(store: RunningStore, request: pb.ChangeJobsRequest) -> pb.ChangeJobsResponse:
    return await store.rpc.CancelJobs(request, timeout=8)


def waiting(store: RunningStore) -> list[tuple[object, ...]]:
    return store.sql("SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'")


def deadlocks(store: RunningStore) -> object:
    counter = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    return store.sql(counter)[0][0]
