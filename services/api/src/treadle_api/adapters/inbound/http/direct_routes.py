"""The short way from a request to its operation."""

from collections.abc import Mapping, Sequence

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from treadle_api.adapters.inbound.http.errors import EXPECTED, answer_problem, problem_of
from treadle_api.adapters.inbound.http.later import AnswersLater
from treadle_api.adapters.inbound.http.rate_limiting import tell_rate_limit

Found = tuple[APIRoute, Mapping[str, str]]
"""An operation, and what stands for the parameters of its path."""


class DirectRoutes:
    """Around the framework. Operations read their requests and write their answers themselves: they need nothing of
    what it does around them, and that takes longer than they do. The rest is left to it: pages for people, and paths
    and methods that are none."""

    def __init__(self, api: FastAPI) -> None:
        operations = [
            (method, route)
            for route in api.routes
            if isinstance(route, APIRoute) and route.include_in_schema
            for method in route.methods or ()
        ]
        self._api = api
        self._serve = ServerErrorMiddleware(AnswersLater(_serve), handler=answer_problem)
        self._fixed = {(m, route.path): route for m, route in operations if not _varies(route)}
        self._varying = [(m, route) for m, route in operations if _varies(route)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._find(scope["method"], scope["path"])
        if found is None:
            await self._api(scope, receive, send)
        else:
            scope["route"], scope["path_params"] = found
            await self._serve(scope, receive, send)

    def _find(self, method: str, path: str) -> Found | None:
        fixed = self._fixed.get((method, path))
        return _match(self._varying, method, path) if fixed is None else (fixed, {})


async def _serve(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope, receive, send)
    try:
        answer = await scope["route"].endpoint(request, **scope["path_params"])
    except EXPECTED as error:
        answer = problem_of(error).response(request)
    tell_rate_limit(scope, answer)
    await answer(scope, receive, send)


def _varies(route: APIRoute) -> bool:
    return bool(route.param_convertors)


def _match(operations: Sequence[tuple[str, APIRoute]], method: str, path: str) -> Found | None:
    for of_method, route in operations:
        found = route.path_regex.match(path) if of_method == method else None
        if found:
            return route, found.groupdict()
    return None
