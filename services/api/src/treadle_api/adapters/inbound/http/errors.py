"""The one table from what may be raised while a request is served to the problem that the client is told."""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from treadle_api.adapters.inbound.http.problems import FieldError, Problem, ProblemType, invalid
from treadle_api.application.errors import StoreUnavailable
from treadle_domain.errors import (
    IdempotencyMismatch,
    InvalidValue,
    JobNotFound,
    SessionNotOpen,
    TransitionRefused,
    UniqueConflict,
)

_RETRY_AFTER = {"Retry-After": "2"}
_UNKNOWN = (
    "The store did not answer in time: what you asked for may or may not have been done. "
    "Repeat a submit only with the Idempotency-Key that it had, or look first: else it may make a second job."
)
_NOT_DONE = "The store cannot be reached. Nothing was changed; try again soon."


def _store_unavailable(error: StoreUnavailable) -> Problem:
    return Problem(
        ProblemType.STORE_UNAVAILABLE,
        _UNKNOWN if error.outcome_unknown else _NOT_DONE,
        headers=_RETRY_AFTER,
        outcome_unknown=error.outcome_unknown,
    )


def _transition_refused(error: TransitionRefused) -> Problem:
    return Problem(ProblemType.STATE_CONFLICT, f"A job that is {error.state} cannot {error.verb}.")


PROBLEMS: Mapping[type[Exception], Callable[[Any], Problem]] = {
    Problem: lambda error: error,
    InvalidValue: lambda error: invalid(FieldError(error.field, error.reason)),
    JobNotFound: lambda error: Problem(
        ProblemType.JOB_NOT_FOUND, f"There is no job {error.job_id}."
    ),
    TransitionRefused: _transition_refused,
    UniqueConflict: lambda error: Problem(
        ProblemType.UNIQUE_CONFLICT,
        f"Job {error.holder} holds the unique key {error.key}.",
        holder=str(error.holder),
    ),
    IdempotencyMismatch: lambda error: Problem(
        ProblemType.IDEMPOTENCY_MISMATCH,
        f"The key {error.key} stands for a request that said something else. Use a new key for each job.",
    ),
    # Sessions are the workers': the API never opens one.
    SessionNotOpen: lambda _: Problem(
        ProblemType.INTERNAL, "The store gave an answer for workers."
    ),
    StoreUnavailable: _store_unavailable,
    ClientDisconnect: lambda _: Problem(ProblemType.BAD_REQUEST, "The client went away."),
    Exception: lambda _: Problem(ProblemType.INTERNAL, "The fault was logged."),
}
EXPECTED = tuple(kind for kind in PROBLEMS if kind is not Exception)
"""Anything else is a fault of ours, and the log has to tell of it."""


def install_problems(app: FastAPI) -> None:
    for kind in PROBLEMS:
        app.add_exception_handler(kind, answer_problem)
    app.add_exception_handler(HTTPException, _answer_router)


async def answer_problem(request: Request, error: Exception) -> Response:
    return problem_of(error).response(request)


def problem_of(error: Exception) -> Problem:
    makers = (PROBLEMS[kind] for kind in type(error).__mro__ if kind in PROBLEMS)
    return next(makers)(error)


async def _answer_router(request: Request, error: Exception) -> Response:
    """What the framework raises by itself: no such route, no such method."""
    assert isinstance(error, HTTPException)
    if error.status_code == ProblemType.METHOD_NOT_ALLOWED.status:
        allowed = ", ".join(sorted(_methods_at(request)))
        detail = f"{request.method} is not possible here, only {allowed}."
        problem = Problem(ProblemType.METHOD_NOT_ALLOWED, detail, headers={"Allow": allowed})
    elif error.status_code == ProblemType.NOT_FOUND.status:
        problem = Problem(ProblemType.NOT_FOUND, "No route has this path.")
    else:
        problem = Problem(ProblemType.BAD_REQUEST, error.detail)
    return problem.response(request)


def _methods_at(request: Request) -> set[str]:
    """Of all routes of the path: the framework knows those of the first only."""
    here = [
        route.methods or set()
        for route in request.app.routes
        if isinstance(route, Route) and route.path_regex.match(request.scope["path"])
    ]
    return set().union(*here)
