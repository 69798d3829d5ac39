"""Calls to the store: each has a deadline, an outage is told from a refusal, one store that hangs costs a second."""

from typing import TYPE_CHECKING, TypeVar

import grpc
from grpc.aio import AioRpcError

from treadle_api.adapters.outbound.outage_log import OutageLog
from treadle_api.application.errors import StoreFailed, StoreUnavailable
from treadle_wire.store_calls import DEADLINE_SECONDS, StoreOutage, call

Request = TypeVar("Request")
Response = TypeVar("Response")

if TYPE_CHECKING:  # generic in the stubs only
    Method = grpc.aio.UnaryUnaryMultiCallable[Request, Response]

MOST_CALLS = 2_000
"""Under way at once: a store that answers never has as many to answer."""
_PAUSES_SECONDS = (0.2, 0.8)


class StoreCalls:
    def __init__(self, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self._deadline_seconds = deadline_seconds
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
            answer = await call(
                method,
                request,
                deadline_seconds=self._deadline_seconds,
                pauses_seconds=_PAUSES_SECONDS,
                repeatable=repeatable,
            )
        except StoreOutage as error:
            self._outage.failed(str(error))
            raise StoreUnavailable(outcome_unknown=error.outcome_unknown) from error
        except AioRpcError as error:
            reason = f"{error.code().name}: {error.details()}"
            if error.code() is not grpc.StatusCode.UNAUTHENTICATED:
                raise StoreFailed(reason) from error
            # As while tokens are replaced: nothing was done, and later it will be.
            self._outage.failed(reason)
            raise StoreUnavailable(outcome_unknown=False) from error
        finally:
            self._under_way -= 1
        self._outage.answered()
        return answer
