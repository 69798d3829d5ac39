"""A span per request, in which all that the request does has its place."""

from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from treadle_domain.trace_context import read_trace_context, trace_id_of

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from treadle_wire.spans import Tracing

_UNTRACED = ("/health/", "/metrics")
_HEADERS = (b"traceparent", b"tracestate")


class TracedApp:
    """Around the application, to which the span that is opened here is the trace that the request came with."""

    def __init__(self, app: ASGIApp, tracing: "Tracing") -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith(_UNTRACED):
            await self._app(scope, receive, send)
            return
        span = self._begin(scope)

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._note_status(span, message["status"])
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            if path := getattr(scope.get("route"), "path_format", None):
                span.update_name(f"{scope['method']} {path}")
                span.set_attribute("http.route", path)
            span.end()

    def _begin(self, scope: Scope) -> "Span":
        headers = Headers(scope=scope)
        parent = read_trace_context(headers.getlist("traceparent"), headers.getlist("tracestate"))
        said = {"http.request.method": scope["method"], "url.path": scope["path"]}
        span = self._tracing.start(scope["method"], "SERVER", parent, said)
        within = self._tracing.context_of(span)
        # A request has a task of its own.
        bind_contextvars(trace_id=trace_id_of(within))
        own = zip(_HEADERS, within.encode().split(b" ", 1), strict=False)
        kept = [pair for pair in scope["headers"] if pair[0] not in _HEADERS]
        scope["headers"] = [*kept, *own]
        return span

    def _note_status(self, span: "Span", status: int) -> None:
        span.set_attribute("http.response.status_code", status)
        if status >= 500:
            self._tracing.fail(span, str(status))
