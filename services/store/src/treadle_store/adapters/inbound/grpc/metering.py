"""How many calls there were of each method, how they ended and how long they took."""

from time import perf_counter
from typing import Any

from grpc.aio import AbortError

from treadle_store.adapters.inbound.grpc.unary_calls import Answer, AroundCalls, Context
from treadle_wire.metrics import Calls


class MeteredCalls(AroundCalls):
    """The first of all, so that it sees what callers see. A method that there is not is not counted."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def around(self, method: str, answer: Answer, request: Any, context: Context) -> Any:
        began, status = perf_counter(), "CANCELLED"
        try:
            response = await answer(request, context)
            status = "OK"
        except AbortError:
            status = context.code().name
            raise
        finally:
            self._calls.add(method.rpartition("/")[2], status, perf_counter() - began)
        return response
