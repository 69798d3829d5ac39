"""Whether the store can answer, asked by gRPC's standard health service."""

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

_DEADLINE_SECONDS = 1.0


class GrpcStoreHealth:
    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._rpc = HealthStub(channel)

    async def is_serving(self) -> bool:
        try:
            answer = await self._rpc.Check(HealthCheckRequest(), timeout=_DEADLINE_SECONDS)
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.status == HealthCheckResponse.SERVING)
