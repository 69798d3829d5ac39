"""Whether a store can answer, asked by gRPC's standard health service."""

import asyncio

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

_DEADLINE_SECONDS = 1.0
_STORES = 2


class GrpcStoreHealth:
    """One store of two is enough: a call that the other did not answer is made again to this one."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._rpc = HealthStub(channel)

    async def is_serving(self) -> bool:
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(self._says_serving()) for _ in range(_STORES)]
            for answer in asyncio.as_completed(asked):
                if serving := await answer:
                    break
            for task in asked:
                task.cancel()
        return serving

    async def _says_serving(self) -> bool:
        try:
            answer = await self._rpc.Check(HealthCheckRequest(), timeout=_DEADLINE_SECONDS)
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.status == HealthCheckResponse.SERVING)
