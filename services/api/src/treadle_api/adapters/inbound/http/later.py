"""Answers that are not there yet: while they are waited for, nothing of the framework's work on the request is kept."""

from collections.abc import Awaitable, Callable
from typing import NoReturn

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from treadle_api.adapters.inbound.http.rate_limiting import tell_rate_limit

Gone = Callable[[], Awaitable[NoReturn]]
"""Raises ClientDisconnect as soon as the client is gone."""

_LATER = "treadle.later"


def is_late(scope: Scope) -> bool:
    """Whether the answer was waited for."""
    return _LATER in scope


class LaterAnswer(Response):
    """Of a request that was read whole. `make` is told when nobody waits any longer, and must not fail otherwise."""

    def __init__(self, make: Callable[[Gone], Awaitable[Response]]) -> None:
        super().__init__()
        self._make = make

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[_LATER] = self._make


class AnswersLater:
    """Middleware. The stack that handles a request, 10 KB of it, has returned before the wait begins."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)
        make = scope.get(_LATER)
        if make is None:
            return

        async def gone() -> NoReturn:
            while (await receive())["type"] != "http.disconnect":
                pass
            raise ClientDisconnect

        try:
            answer: Response = await make(gone)
        except ClientDisconnect:
            return
        tell_rate_limit(scope, answer)
        await answer(scope, receive, send)
