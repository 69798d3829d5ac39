"""What the handler's own spans belong to."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

_NO_TRACE = nullcontext()


def in_trace(trace_context: str | None) -> AbstractContextManager[None]:
    """Within it the job's trace is OpenTelemetry's current one, where user code has imported that."""
    if trace_context is None or "opentelemetry.trace" not in sys.modules:
        return _NO_TRACE
    try:
        return _in_trace(trace_context)
    except ImportError:
        # User code's own idea of it, or a half of it: no reason for a job to fail.
        return _NO_TRACE


def _in_trace(trace_context: str) -> AbstractContextManager[None]:
    from opentelemetry.context import Context, attach, detach  # noqa: PLC0415 - user code has it
    from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
        TraceContextTextMapPropagator,
    )

    parent, _, state = trace_context.partition(" ")
    headers = {"traceparent": parent, "tracestate": state}
    context = TraceContextTextMapPropagator().extract(headers, Context())

    @contextmanager
    def attached() -> Iterator[None]:
        token = attach(context)
        try:
            yield
        finally:
            detach(token)

    return attached()
