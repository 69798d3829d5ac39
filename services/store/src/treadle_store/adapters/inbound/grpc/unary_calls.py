"""What the store's interceptors have in common."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from grpc.aio import ServerInterceptor, ServicerContext

Continuation = Callable[[grpc.HandlerCallDetails], Awaitable[Any]]
Context = ServicerContext[Any, Any]
Answer = Callable[[Any, Context], Awaitable[Any]]


class AroundCalls(ServerInterceptor, ABC):
    """Around each call of a method that there is; all of ours are unary."""

    async def intercept_service(
        self, continuation: Continuation, details: grpc.HandlerCallDetails
    ) -> Any:
        handler = await continuation(details)
        if handler is None or handler.unary_unary is None:
            return handler
        answer: Any = handler.unary_unary

        async def around(request: Any, context: Context) -> Any:
            return await self.around(details.method, answer, request, context)

        return grpc.unary_unary_rpc_method_handler(
            around,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    @abstractmethod
    async def around(self, method: str, answer: Answer, request: Any, context: Context) -> Any:
        """`method`: as it is on the wire, with its service."""
