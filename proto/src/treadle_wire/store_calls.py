"""One call to the store, made again where a try of it hangs: one store that is frozen costs a second.

A store that hangs looks for 8 s like one that is slow, and the channel hands calls to its stores in turn: so a call
that got no answer in a short time is made again to two at once, of which one is another.
"""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import grpc
from grpc.aio import AioRpcError

from treadle_wire.status import fault_of

Request = TypeVar("Request")
Response = TypeVar("Response")

if TYPE_CHECKING:  # generic in the stubs only
    Method = grpc.aio.UnaryUnaryMultiCallable[Request, Response]

DEADLINE_SECONDS = 5.0
FIRST_TRY_SECONDS = 1.0
_LATER_TRY_SECONDS = 2.0
_SHORTEST_TRY_SECONDS = 0.05
_OUTAGES = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
    }
)
# gRPC has no field for it: these are the words of its core for "no connection, so nothing was sent".
_NOT_SENT = (
    "connections to all backends failing",
    "failed to connect to all addresses",
    "errors resolving ",
)


class StoreOutage(Exception):
    """No store answered; what was asked may have been done if `outcome_unknown`."""

    def __init__(self, reason: str, *, outcome_unknown: bool) -> None:
        super().__init__(reason)
        self.outcome_unknown = outcome_unknown


async def call(
    method: "Method[Request, Response]",
    request: Request,
    *,
    deadline_seconds: float = DEADLINE_SECONDS,
    first_try_seconds: float = FIRST_TRY_SECONDS,
    pauses_seconds: Sequence[float] = (),
    repeatable: bool = True,
    chance: Callable[[], float] = random.random,
) -> Response:
    """Tries again while the deadline allows it: at once where a try hung, after one of the pauses where it failed.

    What is not `repeatable` is made again only where nothing was sent. Raises DomainError for a refusal, StoreOutage,
    and AioRpcError for any other failure of the store.
    """
    deadline = time.monotonic() + deadline_seconds
    seconds, stores = (first_try_seconds if repeatable else deadline_seconds), 1
    pauses = iter(pauses_seconds)
    unknown = False
    while True:
        seconds = min(seconds, deadline - time.monotonic())
        try:
            return await _first_answer(method, request, seconds, stores)
        except AioRpcError as error:
            unknown |= _was_sent(error)
            hung = error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            pause = 0.0 if hung else next(pauses, None)
            left = deadline - time.monotonic() - (pause or 0.0)
            if pause is None or left < _SHORTEST_TRY_SECONDS or (unknown and not repeatable):
                reason = f"{error.code().name}: {error.details()}"
                raise StoreOutage(reason, outcome_unknown=unknown) from error
        await asyncio.sleep(pause * (1 - chance() / 2))
        seconds, stores = _LATER_TRY_SECONDS, 2 if hung else 1


async def _first_answer(
    method: "Method[Request, Response]", request: Request, seconds: float, stores: int
) -> Response:
    """A refusal is an answer. Raises AioRpcError: of an outage only when all that were asked had one."""
    if stores == 1:
        return await method(request, timeout=seconds)

    async def ask() -> Response | AioRpcError:
        try:
            return await method(request, timeout=seconds)
        except AioRpcError as error:
            return error

    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(ask()) for _ in range(stores)]
        for outcome in asyncio.as_completed(asked):
            answer = await outcome
            if not isinstance(answer, AioRpcError) or answer.code() not in _OUTAGES:
                break
        for task in asked:
            task.cancel()
    if isinstance(answer, AioRpcError):
        raise answer
    return answer


def _was_sent(error: AioRpcError) -> bool:
    """Raises whatever is not an outage."""
    fault = fault_of(error)
    if fault is not None:
        raise fault from error
    if error.code() not in _OUTAGES:
        raise error
    return not (error.details() or "").startswith(_NOT_SENT)
