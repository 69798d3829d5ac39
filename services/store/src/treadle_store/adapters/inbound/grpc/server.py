"""The gRPC server: JobStore and the standard health service."""

import asyncio
from collections.abc import Sequence

import grpc
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import OVERALL_HEALTH
from grpc_health.v1.health import aio as health_aio

from treadle_store.adapters.inbound.grpc.access import RequireToken
from treadle_store.adapters.inbound.grpc.errors import ErrorsToStatus
from treadle_store.adapters.inbound.grpc.key_servicer import GrpcApiKeys
from treadle_store.adapters.inbound.grpc.metering import MeteredCalls
from treadle_store.adapters.inbound.grpc.servicer import GrpcJobStore
from treadle_store.application.errors import DatabaseUnavailable, StoreError
from treadle_store.application.ports import Storage
from treadle_wire.metrics import Calls
from treadle_wire.store.v1.api_keys_pb2_grpc import add_ApiKeysServicer_to_server
from treadle_wire.store.v1.job_store_pb2_grpc import add_JobStoreServicer_to_server

MAX_MESSAGE_BYTES = 9 * 1024 * 1024
"""A batch of 8 MiB and what surrounds it."""

_OPTIONS = [
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.so_reuseport", 0),  # a port that is taken is an error, not shared
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 1_000),
    ("grpc.http2.max_ping_strikes", 0),  # clients are ours: a ping early is no attack
]
_LONGEST_SILENCE_SECONDS = 1.0


class GrpcServer:
    def __init__(
        self,
        job_store: GrpcJobStore,
        api_keys: GrpcApiKeys,
        storage: Storage,
        address: str,
        tokens: Sequence[str] = (),
        certificate: grpc.ServerCredentials | None = None,
        calls: Calls | None = None,
    ) -> None:
        self._storage = storage
        self._address = address
        self._certificate = certificate
        shown = [RequireToken(tokens)] if tokens else []
        self._health = health_aio.HealthServicer()
        metered = [] if calls is None else [MeteredCalls(calls)]
        interceptors = [*metered, *shown, ErrorsToStatus()]
        self._server = aio.server(interceptors=interceptors, options=_OPTIONS)
        add_JobStoreServicer_to_server(job_store, self._server)
        add_ApiKeysServicer_to_server(api_keys, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self.port = 0

    async def start(self) -> None:
        """Raises RuntimeError when the address cannot be had. Health says NOT_SERVING until the first check."""
        await self._say(health_pb2.HealthCheckResponse.NOT_SERVING)
        if self._certificate is None:
            self.port = self._server.add_insecure_port(self._address)
        else:
            self.port = self._server.add_secure_port(self._address, self._certificate)
        await self._server.start()

    async def check_health(self) -> None:
        """SERVING exactly while storage answers within a second. Raises StoreError."""
        try:
            async with asyncio.timeout(_LONGEST_SILENCE_SECONDS):
                await self._storage.check()
        except TimeoutError as silence:
            await self._say(health_pb2.HealthCheckResponse.NOT_SERVING)
            raise DatabaseUnavailable("PostgreSQL does not answer") from silence
        except StoreError:
            await self._say(health_pb2.HealthCheckResponse.NOT_SERVING)
            raise
        await self._say(health_pb2.HealthCheckResponse.SERVING)

    async def stop(self, grace_seconds: float) -> None:
        """Refuses new calls at once; those under way may take `grace_seconds`."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace_seconds)

    async def _say(self, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        await self._health.set(OVERALL_HEALTH, status)
