"""Spans, sent by OTLP from a thread of their own: a collector that is slow or away costs spans and nothing else."""

import logging
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from treadle_domain.trace_context import TraceContext

_CLOSE_SECONDS = 0.5
"""Part of the time that a process has to stop."""

Attributes = Mapping[str, str | int]
Kind = Literal["CONSUMER", "INTERNAL", "PRODUCER", "SERVER"]


class Tracing:
    """The provider is ours alone and not the global one: a library that traces by itself adds nothing."""

    def __init__(self, service: str) -> None:
        # It tells every batch that it cannot send, and before that every try.
        logging.getLogger("opentelemetry").setLevel(logging.ERROR)
        self._ids = _ChosenIds()
        self._processor = BatchSpanProcessor(_exporter())
        self._provider = TracerProvider(
            resource=_resource(service), id_generator=self._ids, shutdown_on_exit=False
        )
        self._provider.add_span_processor(self._processor)
        self._tracer = self._provider.get_tracer("treadle")

    def start(
        self,
        name: str,
        kind: Kind,
        parent: str | None,
        attributes: Attributes,
        *,
        links: Sequence[TraceContext] = (),
        span_id: int | None = None,
        start_ns: int | None = None,
    ) -> Span:
        """To be called by one thread, to be ended."""
        self._ids.next_span_id = span_id
        return self._tracer.start_span(
            name,
            _context_of(parent),
            SpanKind[kind],
            attributes,
            [Link(_span_context_of(each)) for each in links],
            start_time=start_ns,
        )

    @contextmanager
    def within(
        self, name: str, kind: Kind, parents: Sequence[str], attributes: Attributes
    ) -> Iterator[Mapping[str, str]]:
        """One span in each of the traces; yields what stands for each parent within it."""
        spans = {parent: self.start(name, kind, parent, attributes) for parent in parents}
        try:
            yield {parent: self.context_of(span) for parent, span in spans.items()}
        except BaseException as error:
            for span in spans.values():
                self.fail(span, type(error).__name__)
            raise
        finally:
            for span in spans.values():
                span.end()

    def context_of(self, span: Span) -> str:
        """For those who are to be within it."""
        at = span.get_span_context()
        state = at.trace_state.to_header()
        return TraceContext(at.trace_id, at.span_id, at.trace_flags, state).text

    def fail(self, span: Span, kind: str) -> None:
        span.set_attribute("error.type", kind)
        span.set_status(Status(StatusCode.ERROR))

    def close(self) -> None:
        """Sends what is left, if that can be done soon."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(_CLOSE_SECONDS)


class _ChosenIds(RandomIdGenerator):
    next_span_id: int | None = None

    def generate_span_id(self) -> int:
        chosen, self.next_span_id = self.next_span_id, None
        return super().generate_span_id() if chosen is None else chosen


def _context_of(parent: str | None) -> Context:
    if parent is None:
        return Context()
    remote = NonRecordingSpan(_span_context_of(TraceContext.of(parent)))
    return set_span_in_context(remote, Context())


def _span_context_of(at: TraceContext) -> SpanContext:
    state = TraceState.from_header([at.state])
    return SpanContext(at.trace_id, at.span_id, True, TraceFlags(at.flags), state)


def _exporter() -> SpanExporter:
    """It reads the rest of the environment itself."""
    said = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
    if (said or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")) == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (  # noqa: PLC0415 - rarely wanted
            OTLPSpanExporter as GrpcSpanExporter,
        )

        return GrpcSpanExporter()
    return OTLPSpanExporter()


def _resource(service: str) -> Resource:
    said = os.environ.get("OTEL_SERVICE_NAME") or "service.name=" in os.environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    return Resource.create({} if said else {"service.name": f"treadle-{service}"})
