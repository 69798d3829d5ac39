"""The trace that a request belongs to, which its jobs go on with."""

from dataclasses import replace

from fastapi import Request

from treadle_domain.stored_job import NewJob
from treadle_domain.trace_context import read_trace_context


def read_trace(request: Request) -> str | None:
    """What is malformed counts as absent: no job is refused for it."""
    parents = request.headers.getlist("traceparent")
    return read_trace_context(parents, request.headers.getlist("tracestate")) if parents else None


def in_trace(new: NewJob, trace: str | None) -> NewJob:
    if trace is None:
        return new
    return replace(new, submission=replace(new.submission, trace_context=trace))
