"""Handlers that say which trace they run in."""

from typing import Any

from opentelemetry import trace

from treadle import Handlers, JobContext, Retry

handlers = Handlers()
_QUICK = Retry(initial=0.05, maximum=0.1)


@handlers.register("flaky", retry=_QUICK)
async def flaky(payload: Any, context: JobContext) -> dict[str, Any]:
    return _where(payload, context)


@handlers.register("flaky_sync", retry=_QUICK)
def flaky_sync(payload: Any, context: JobContext) -> dict[str, Any]:
    return _where(payload, context)


@handlers.register("current")
def current(payload: Any) -> bool:
    return trace.get_current_span().get_span_context().is_valid


def _where(payload: Any, context: JobContext) -> dict[str, Any]:
    if context.fence == 1:
        raise ValueError(f"the first run fails: {payload}")
    now = trace.get_current_span().get_span_context()
    return {
        "payload": payload,
        "traceparent": context.traceparent,
        "tracestate": context.tracestate,
        "current": f"00-{now.trace_id:032x}-{now.span_id:016x}-{now.trace_flags:02x}",
    }
