"""The ApiKeys service: messages in, a port, messages out."""

from typing import Any

from grpc.aio import ServicerContext

from treadle_store.application.ports import ApiKeys
from treadle_wire.key_codec import key_to_wire, new_key_from_wire
from treadle_wire.store.v1 import api_keys_pb2 as pb
from treadle_wire.store.v1.api_keys_pb2_grpc import ApiKeysServicer

Context = ServicerContext[Any, Any]


class GrpcApiKeys(ApiKeysServicer):
    def __init__(self, keys: ApiKeys) -> None:
        self._keys = keys

    async def CreateApiKey(
        self, request: pb.CreateApiKeyRequest, context: Context
    ) -> pb.CreateApiKeyResponse:
        key = await self._keys.add(new_key_from_wire(request.key))
        return pb.CreateApiKeyResponse(key=key_to_wire(key))

    async def ListApiKeys(
        self, request: pb.ListApiKeysRequest, context: Context
    ) -> pb.ListApiKeysResponse:
        keys = await self._keys.all(request.namespace or None)
        return pb.ListApiKeysResponse(keys=map(key_to_wire, keys))

    async def RevokeApiKey(
        self, request: pb.RevokeApiKeyRequest, context: Context
    ) -> pb.RevokeApiKeyResponse:
        key = await self._keys.revoke(request.namespace, request.id)
        return pb.RevokeApiKeyResponse(key=None if key is None else key_to_wire(key))
