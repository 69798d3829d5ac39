"""What a caller is told, over real gRPC, when a call meets an error."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from structlog.testing import capture_logs

from treadle_store.adapters.inbound.grpc.errors import ErrorsToStatus
from treadle_store.application.errors import (
    Conflicted,
    DatabaseUnavailable,
    TooContended,
    Unstorable,
)

if TYPE_CHECKING:  # generic in the stubs only
    Call = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]

SECRET = "postgresql://treadle:secret@db"


class Failing(grpc.GenericRpcHandler):
    """Raises what it was told to, one error a call, and then answers."""

    def __init__(self, *errors: Exception) -> None:
        self._errors: Iterator[Exception] = iter(errors)
        self.calls = 0

    def service(self, _: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        return grpc.unary_unary_rpc_method_handler(self._answer)

    async def _answer(self, request: bytes, context: Any) -> bytes:
        self.calls += 1
        for error in self._errors:
            raise error
        return b"done"


@asynccontextmanager
async def serving(handler: grpc.GenericRpcHandler) -> AsyncIterator["Call"]:
    server = grpc.aio.server(interceptors=[ErrorsToStatus()])
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel.unary_unary("/test.Errors/Fail")
    await server.stop(grace=None)


async def refusal(call: "Call") -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call(b"", timeout=5)
    return failed.value


async def test_what_postgresql_undid_is_done_again_and_the_caller_sees_nothing_of_it() -> None:
    handler = Failing(*[Conflicted("deadlock detected")] * 3)

    async with serving(handler) as call:
        started = time.monotonic()
        answer = await call(b"", timeout=5)

    assert (answer, handler.calls) == (b"done", 4)
    assert 0.06 <= time.monotonic() - started < 1.5


async def test_after_three_repeats_it_is_an_outage() -> None:
    handler = Failing(*[Conflicted("deadlock detected")] * 4)

    async with serving(handler) as call:
        told = await refusal(call)

    assert (told.code(), handler.calls) == (grpc.StatusCode.UNAVAILABLE, 4)


@pytest.mark.parametrize("error", [DatabaseUnavailable("gone"), TooContended(), Unstorable()])
async def test_no_other_error_is_tried_again_inside(error: Exception) -> None:
    handler = Failing(error)

    async with serving(handler) as call:
        told = await refusal(call)

    assert (told.code(), handler.calls) == (grpc.StatusCode.UNAVAILABLE, 1)


async def test_a_fault_of_ours_is_told_to_the_log_once_and_not_to_the_caller() -> None:
    async with serving(Failing(ZeroDivisionError(SECRET))) as call:
        with capture_logs() as lines:
            told = await refusal(call)

    assert told.code() is grpc.StatusCode.INTERNAL
    assert SECRET not in (told.details() or "")
    assert [(line["event"], line["exc_info"]) for line in lines] == [("store: call failed", True)]


async def test_an_outage_under_load_is_a_line_at_its_begin_and_one_at_its_end() -> None:
    async with serving(Failing(*[DatabaseUnavailable("gone")] * 5)) as call:
        with capture_logs() as lines:
            for _ in range(5):
                await refusal(call)
            await call(b"", timeout=5)

    assert [line["event"] for line in lines] == ["store: cannot answer", "store: answers again"]
    assert lines[1]["failures"] == 5
