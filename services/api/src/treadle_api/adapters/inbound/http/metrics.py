"""What Prometheus is told of requests: how many, how they ended, how long they took."""

from functools import cache
from time import perf_counter

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from treadle_api.adapters.inbound.http.later import is_late
from treadle_api.application.waiters import Waiters

# They are as many series again, which nobody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_OTHER = "other"
_NO_ANSWER = "none"


class MeteredApp:
    """Around the whole application, so that it sees what clients see.

    Labels are closed sets: methods and paths that are none of ours are `other`, however many there are.
    """

    def __init__(self, app: ASGIApp, registry: CollectorRegistry, waiters: Waiters) -> None:
        self._app = app
        requests = Counter(
            "treadle_api_requests",
            "Requests by operation and class of status; none: the client went away unanswered",
            ["method", "route", "status"],
            registry=registry,
        )
        durations = Histogram(
            "treadle_api_request_duration_seconds",
            "How long answers took, but for those that the client asked to wait for",
            ["method", "route"],
            buckets=_BUCKETS,
            registry=registry,
        )
        # To find a series costs as much as all the rest; there are not many.
        self._requests, self._durations = cache(requests.labels), cache(durations.labels)
        self._waiters = waiters
        waiting = Gauge(
            "treadle_api_waiters", "Requests that wait for the end of a job", registry=registry
        )
        waiting.set_function(lambda: waiters.count)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = _NO_ANSWER

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = f"{message['status'] // 100}xx"
                if self._waiters.is_released:
                    # The process is about to stop: the client is to connect elsewhere before that.
                    message["headers"] = [*message["headers"], (b"connection", b"close")]
            await send(message)

        began = perf_counter()
        try:
            await self._app(scope, receive, note)
        finally:
            self._count(scope, status, perf_counter() - began)

    def _count(self, scope: Scope, status: str, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else _OTHER
        route = getattr(scope.get("route"), "path_format", _OTHER)
        self._requests(method, route, status).inc()
        if not is_late(scope):
            self._durations(method, route).observe(seconds)
