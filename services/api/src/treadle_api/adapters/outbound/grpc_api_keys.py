"""API keys over gRPC."""

from collections.abc import Sequence

import grpc

from treadle_api.adapters.outbound.store_calls import StoreCalls
from treadle_domain.api_key import ApiKey
from treadle_wire.key_codec import key_from_wire, key_to_wire, new_key_from_wire
from treadle_wire.store.v1 import api_keys_pb2 as pb
from treadle_wire.store_access import OPEN, StoreAccess
from treadle_wire.store_calls import DEADLINE_SECONDS


class GrpcApiKeys:
    def __init__(self, channel: grpc.aio.Channel, access: StoreAccess = OPEN) -> None:
        self._rpc = access.keys_stub(channel)
        self._calls = StoreCalls(DEADLINE_SECONDS)

    async def add(self, key: ApiKey) -> ApiKey:
        request = pb.CreateApiKeyRequest(key=key_to_wire(key))
        return new_key_from_wire((await self._calls.change(self._rpc.CreateApiKey, request)).key)

    async def all(self, namespace: str | None) -> Sequence[ApiKey]:
        request = pb.ListApiKeysRequest(namespace=namespace or "")
        response = await self._calls.read(self._rpc.ListApiKeys, request)
        return [key for each in response.keys if (key := key_from_wire(each)) is not None]

    async def revoke(self, namespace: str, key_id: str) -> ApiKey | None:
        request = pb.RevokeApiKeyRequest(namespace=namespace, id=key_id)
        response = await self._calls.change(self._rpc.RevokeApiKey, request)
        return key_from_wire(response.key) if response.HasField("key") else None
