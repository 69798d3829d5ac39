"""The trace around a handler's call, as the handler's own OpenTelemetry sees it."""

import sys

import pytest
from opentelemetry import trace

from treadle_worker.executor.surrounding_trace import in_trace

AT_RUN = f"00-{1:032x}-{2:016x}-01 vendor=1"


def current() -> trace.SpanContext:
    return trace.get_current_span().get_span_context()


def test_the_run_is_current_within_the_call_and_the_thread_is_left_as_it_was() -> None:
    with in_trace(AT_RUN):
        within = current()

    assert (within.trace_id, within.span_id, within.trace_flags) == (1, 2, 1)
    assert within.trace_state["vendor"] == "1"
    assert not current().is_valid


def test_it_is_left_so_by_a_handler_that_raises_too() -> None:
    with pytest.raises(ValueError, match="boom"), in_trace(AT_RUN):
        raise ValueError("boom")

    assert not current().is_valid


def test_where_user_code_has_half_of_it_only_the_job_runs_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.trace.propagation.tracecontext", None)

    with in_trace(AT_RUN):
        assert not current().is_valid


def test_a_job_without_a_trace_has_none() -> None:
    with in_trace(None):
        assert not current().is_valid
