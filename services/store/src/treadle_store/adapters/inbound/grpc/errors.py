"""What callers are told when a call is refused or fails: one interceptor for all methods."""

import asyncio
import random
from typing import Any, NoReturn

import grpc
import structlog
from grpc.aio import AbortError

from treadle_domain.errors import DomainError
from treadle_store.adapters.inbound.grpc.unary_calls import Answer, AroundCalls, Context
from treadle_store.application.errors import Conflicted, StoreError
from treadle_wire.status import FAULT_KEY, STATUS, fault_to_wire

_log = structlog.get_logger()

_TRIES = 4
_PAUSE_SECONDS = (0.02, 0.2)


class ErrorsToStatus(AroundCalls):
    """Domain errors travel with their fields; whatever keeps the store from answering is UNAVAILABLE: try again.

    A call that PostgreSQL undid for the sake of another is made again first. A fault of ours is told to the log alone.
    """

    def __init__(self) -> None:
        self._failures = 0

    async def around(self, method: str, answer: Answer, request: Any, context: Context) -> Any:
        try:
            response = await self._again_if_undone(answer, request, context)
        except DomainError as error:
            await _refuse(context, error)
        except StoreError as error:
            self._note_failure(method, error)
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
        except AbortError:
            raise
        except Exception:  # noqa: BLE001 - gRPC would tell its text to the client
            _log.exception("store: call failed", method=method)
            await context.abort(grpc.StatusCode.INTERNAL, "a fault of the store: see its log")
        else:
            self._note_answer()
            return response

    def _note_failure(self, method: str, error: StoreError) -> None:
        """An outage under load is one line, not thousands."""
        self._failures += 1
        if self._failures == 1:
            _log.warning("store: cannot answer", method=method, error=str(error))

    def _note_answer(self) -> None:
        if self._failures:
            _log.info("store: answers again", failures=self._failures)
            self._failures = 0

    async def _again_if_undone(self, answer: Answer, request: Any, context: Context) -> Any:
        for _ in range(_TRIES - 1):
            try:
                return await answer(request, context)
            except Conflicted:
                await asyncio.sleep(random.uniform(*_PAUSE_SECONDS))  # noqa: S311
        return await answer(request, context)


async def _refuse(context: Context, error: DomainError) -> NoReturn:
    fault = fault_to_wire(error).SerializeToString()
    await context.abort(STATUS[type(error)], str(error), trailing_metadata=((FAULT_KEY, fault),))
