"""A store over memory behind real gRPC, that can be stopped, started again and made to fail."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from grpc.aio import ServerInterceptor, ServicerContext
from grpc_health.v1 import health_pb2_grpc
from grpc_health.v1.health import aio as health_aio
from tests.chaos.fault_proxy import FaultProxy
from tests.fakes.store_over_memory import StoreOverMemory

from treadle_store.adapters.inbound.grpc.errors import ErrorsToStatus
from treadle_store.adapters.inbound.grpc.server import MAX_MESSAGE_BYTES
from treadle_store.adapters.inbound.grpc.servicer import GrpcJobStore
from treadle_wire.store.v1.job_store_pb2_grpc import add_JobStoreServicer_to_server

_OPTIONS = [
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
]

Fault = Callable[[ServicerContext[Any, Any]], Awaitable[None]]


@dataclass
class Faults(ServerInterceptor):
    """`before` and `after` the store did what was asked; `calls` counts all that arrived."""

    before: Fault | None = None
    after: Fault | None = None
    calls: list[str] = field(default_factory=list)

    async def intercept_service(self, continuation: Any, details: Any) -> Any:
        handler = await continuation(details)
        if handler is None or "JobStore" not in details.method:
            return handler

        async def answer(request: Any, context: ServicerContext[Any, Any]) -> Any:
            self.calls.append(details.method.rpartition("/")[2])
            if self.before is not None:
                await self.before(context)
            response = await handler.unary_unary(request, context)
            if self.after is not None:
                await self.after(context)
            return response

        return grpc.unary_unary_rpc_method_handler(
            answer,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )


@dataclass
class ServingStore:
    store: StoreOverMemory = field(default_factory=StoreOverMemory)
    faults: Faults = field(default_factory=Faults)
    servicer: type[GrpcJobStore] = GrpcJobStore
    port: int = 0

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """On the port of the time before, if there was one."""
        server = grpc.aio.server(interceptors=[self.faults, ErrorsToStatus()], options=_OPTIONS)
        add_JobStoreServicer_to_server(
            self.servicer(self.store.do, self.store.jobs, self.store.queue_depths), server
        )
        health_pb2_grpc.add_HealthServicer_to_server(health_aio.HealthServicer(), server)
        self.port = server.add_insecure_port(self.target)
        await server.start()
        try:
            yield
        finally:
            await server.stop(0)


@dataclass
class TwoStores:
    """One memory behind two stores: as one database is behind them in production."""

    memory: StoreOverMemory
    stores: list[ServingStore]
    doors: list[FaultProxy]
    kill_first: AsyncExitStack

    @property
    def target(self) -> str:
        return "ipv4:" + ",".join(f"127.0.0.1:{door.port}" for door in self.doors)


@asynccontextmanager
async def two_serving_stores() -> AsyncIterator[TwoStores]:
    memory = StoreOverMemory()
    stores = [ServingStore(memory), ServingStore(memory)]
    async with memory.hand_over, AsyncExitStack() as first, AsyncExitStack() as rest:
        await first.enter_async_context(stores[0].serving())
        await rest.enter_async_context(stores[1].serving())
        doors = [rest.enter_context(FaultProxy(store.port)) for store in stores]
        yield TwoStores(memory, stores, doors, first)


def times(number: int, fault: Fault) -> Fault:
    """The fault for the first calls only."""
    left = number

    async def limited(context: ServicerContext[Any, Any]) -> None:
        nonlocal left
        left -= 1
        if left >= 0:
            await fault(context)

    return limited


async def unavailable(context: ServicerContext[Any, Any]) -> None:
    await context.abort(grpc.StatusCode.UNAVAILABLE, "PostgreSQL does not answer")


async def refused(context: ServicerContext[Any, Any]) -> None:
    await context.abort(grpc.StatusCode.UNAUTHENTICATED, "the store's token is missing or wrong")


async def hang(context: ServicerContext[Any, Any]) -> None:
    await asyncio.sleep(60)


async def blow_up(context: ServicerContext[Any, Any]) -> None:
    raise ZeroDivisionError
