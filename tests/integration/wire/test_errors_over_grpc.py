"""Every error of the domain through a real server and a real channel."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from tests.unit.wire.domain_errors import EXAMPLES

from treadle_domain.errors import DomainError
from treadle_wire.status import FAULT_KEY, STATUS, fault_of, fault_to_wire

DEADLINE_SECONDS = 5.0
REFUSE = "/test.Errors/Refuse"

if TYPE_CHECKING:  # generic in the stubs only
    Call = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
    Handler = grpc.RpcMethodHandler[bytes, bytes]
Context = grpc.aio.ServicerContext[Any, Any]


class Refusing(grpc.GenericRpcHandler):
    """Aborts with the example whose number it was sent, as the store's interceptor does."""

    def __init__(self, errors: Sequence[DomainError]) -> None:
        self._errors = errors

    def service(self, _: grpc.HandlerCallDetails) -> "Handler":
        return grpc.unary_unary_rpc_method_handler(self._refuse)

    async def _refuse(self, request: bytes, context: Context) -> bytes:
        if not request:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "no database")
        error = self._errors[int(request)]
        fault = fault_to_wire(error).SerializeToString()
        trailer = ((FAULT_KEY, fault),)
        await context.abort(STATUS[type(error)], str(error), trailing_metadata=trailer)
        return b""


@pytest.fixture
async def refuse() -> AsyncIterator["Call"]:
    async with served(Refusing(EXAMPLES)) as call:
        yield call


@asynccontextmanager
async def served(handler: grpc.GenericRpcHandler) -> AsyncIterator["Call"]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel.unary_unary(REFUSE)
    await server.stop(grace=None)


async def refusal(call: "Call", request: bytes) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call(request, timeout=DEADLINE_SECONDS)
    return failed.value


async def test_every_error_arrives_with_its_status_and_its_fields(refuse: "Call") -> None:
    for number, error in enumerate(EXAMPLES):
        answer = await refusal(refuse, str(number).encode())

        arrived = fault_of(answer)
        assert answer.code() is STATUS[type(error)]
        assert type(arrived) is type(error)
        assert vars(arrived) == vars(error)


async def test_a_failure_that_the_domain_did_not_cause_is_no_domain_error(refuse: "Call") -> None:
    answer = await refusal(refuse, b"")

    assert answer.code() is grpc.StatusCode.UNAVAILABLE
    assert fault_of(answer) is None


async def test_a_server_that_cannot_be_reached_is_no_domain_error() -> None:
    async with grpc.aio.insecure_channel("127.0.0.1:1") as channel:
        answer = await refusal(channel.unary_unary(REFUSE), b"0")

    assert fault_of(answer) is None
