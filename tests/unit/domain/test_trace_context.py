"""What is read of the W3C headers, which anybody may write."""

from uuid import UUID

import pytest

from treadle_domain.trace_context import (
    TraceContext,
    checked_trace_context,
    read_trace_context,
    run_span_id,
)

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"
JOB = UUID("01890a5d-ac96-774b-bcce-b302099a8057")


@pytest.mark.parametrize(
    ("parent", "read"),
    [
        (PARENT, PARENT),
        (f" {PARENT}\t", PARENT),
        (f"00-{TRACE}-{SPAN}-00", f"00-{TRACE}-{SPAN}-00"),
        (f"00-{TRACE}-{SPAN}-ff", f"00-{TRACE}-{SPAN}-03"),
        (f"cc-{TRACE}-{SPAN}-01", PARENT),
        (f"cc-{TRACE}-{SPAN}-01-what-comes", PARENT),
    ],
)
def test_a_parent_is_read_as_the_version_known_here_has_it(parent: str, read: str) -> None:
    assert read_trace_context([parent]) == read


@pytest.mark.parametrize(
    "parent",
    [
        "",
        "00",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"cc-{TRACE}-{SPAN}-01more",
        f"00-{TRACE}-{SPAN}",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-0x",
        f"00-{TRACE}-{SPAN}-01\n",
        "\N{FIRE}" * 55,
    ],
)
def test_a_malformed_parent_counts_as_none(parent: str) -> None:
    assert read_trace_context([parent], ["a=1"]) is None


def test_of_two_parents_none_is_meant() -> None:
    assert read_trace_context([PARENT, PARENT]) is None


@pytest.mark.parametrize(
    ("states", "read"),
    [
        ([], ""),
        ([""], ""),
        (["a=1,b@c=2"], " a=1,b@c=2"),
        (["a=1", "b=2"], " a=1,b=2"),
        (["a=1, b=2,"], " a=1,b=2"),
        (["a=1,a=2"], ""),
        (["A=1"], ""),
        (["a"], ""),
        (["a=\N{FIRE}"], ""),
        ([",".join(f"k{number}=1" for number in range(33))], ""),
        (["a=" + "1" * 256, "b=" + "1" * 256], ""),
    ],
)
def test_a_malformed_state_is_dropped_and_the_parent_is_kept(states: list[str], read: str) -> None:
    assert read_trace_context([PARENT], states) == PARENT + read


def test_what_was_read_stays_the_same_however_often_it_is_read() -> None:
    text = read_trace_context([PARENT], ["a=1 2,b=2"])

    assert text is not None
    assert checked_trace_context(text) == text
    assert TraceContext.of(text).text == text
    assert checked_trace_context("nonsense") is None


def test_every_run_of_a_job_has_a_span_that_everybody_can_name() -> None:
    submitted = TraceContext.of(PARENT)

    first, second = submitted.at_run(JOB, 1), submitted.at_run(JOB, 2)

    assert first.span_id == run_span_id(JOB, 1)
    assert len({submitted.span_id, first.span_id, second.span_id}) == 3
    assert first.trace_id == second.trace_id == int(TRACE, 16)
