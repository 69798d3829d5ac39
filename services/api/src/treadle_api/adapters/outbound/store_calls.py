"""Calls to the store: each has a deadline, an outage is told from a refusal, one store that hangs costs a second."""

import asyncio
import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import grpc
from grpc.aio import AioRpcError

from treadle_api.adapters.outbound.outage_log import OutageLog
from treadle_api.application.errors import StoreFailed, StoreUnavailable
from treadle_wire.status import fault_of

Request = TypeVar("Request")
Response = TypeVar("Response")

if TYPE_CHECKING:  # generic in the stubs only
    Method = grpc.aio.UnaryUnaryMultiCallable[Request, Response]

DEADLINE_SECONDS = 5.0
MOST_CALLS = 2_000
"""Under way at once: a store that answers never has as many to answer."""
_FIRST_TRY_SECONDS = 1.0
_LATER_TRY_SECONDS = 2.0
_SHORTEST_TRY_SECONDS = 0.05
_PAUSES_SECONDS = (0.2, 0.8)
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


class StoreCalls:
    """A store that hangs looks for 8 s like one that is slow, and the channel hands calls to its stores in turn: so a
    call that got no answer in a second is made again to two at once, of which one is another.
    """

    def __init__(
        self,
        deadline_seconds: float = DEADLINE_SECONDS,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._deadline_seconds = deadline_seconds
        self._chance = chance
        self._outage = OutageLog("store")
        self._under_way = 0

    async def read(self, method: "Method[Request, Response]", request: Request) -> Response:
        """As `change`, but nothing can be left half done."""
        try:
            return await self.change(method, request)
        except StoreUnavailable:
            raise StoreUnavailable(outcome_unknown=False) from None

    async def change(
        self, method: "Method[Request, Response]", request: Request, *, repeatable: bool = True
    ) -> Response:
        """Tries again while it is of use and the deadline allows it. Raises DomainError, StoreError."""
        if self._under_way >= MOST_CALLS:
            raise StoreUnavailable(outcome_unknown=False)
        self._under_way += 1
        try:
            return await self._try_again(method, request, repeatable)
        finally:
            self._under_way -= 1

    async def _try_again(
        self, method: "Method[Request, Response]", request: Request, repeatable: bool
    ) -> Response:
        deadline = time.monotonic() + self._deadline_seconds
        seconds, stores = (_FIRST_TRY_SECONDS if repeatable else self._deadline_seconds), 1
        unknown = False
        for pause in (*_PAUSES_SECONDS, None):
            seconds = min(seconds, deadline - time.monotonic())
            try:
                answer = await _first_answer(method, request, seconds, stores)
            except AioRpcError as error:
                unknown |= _was_sent(error)
                hung = error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
                wait = 0 if hung or pause is None else pause * (1 - self._chance() / 2)
                left = deadline - time.monotonic() - wait
                if pause is None or left < _SHORTEST_TRY_SECONDS or (unknown and not repeatable):
                    self._outage.failed(f"{error.code().name}: {error.details()}")
                    raise StoreUnavailable(outcome_unknown=unknown) from error
                await asyncio.sleep(wait)
                seconds, stores = _LATER_TRY_SECONDS, 2 if hung else 1
            else:
                self._outage.answered()
                return answer
        raise AssertionError("the last round returns or raises")


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
        raise StoreFailed(f"{error.code().name}: {error.details()}") from error
    return not (error.details() or "").startswith(_NOT_SENT)
