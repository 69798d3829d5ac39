"""How many calls there were of each method, how they ended and how long they took."""

from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any

import grpc
from grpc.aio import AbortError, ServerInterceptor, ServicerContext

from treadle_wire.metrics import Calls

Continuation = Callable[[grpc.HandlerCallDetails], Awaitable[Any]]


class MeteredCalls(ServerInterceptor):
    """The first of all, so that it sees what callers see. A method that there is not is not counted."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def intercept_service(
        self, continuation: Continuation, details: grpc.HandlerCallDetails
    ) -> Any:
        handler = await continuation(details)
        if handler is None or handler.unary_unary is None:
            return handler
        answer: Any = handler.unary_unary
        method = details.method.rpartition("/")[2]

        async def answer_and_count(request: Any, context: ServicerContext[Any, Any]) -> Any:
            began, status = perf_counter(), "CANCELLED"
            try:
                response = await answer(request, context)
                status = "OK"
            except AbortError:
                status = context.code().name
                raise
            finally:
                self._calls.add(method, status, perf_counter() - began)
            return response

        return grpc.unary_unary_rpc_method_handler(
            answer_and_count,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )
