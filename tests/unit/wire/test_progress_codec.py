"""What runs tell of themselves arrives as it was sent."""

from typing import Any

import pytest
from hypothesis import given
from tests.unit.wire.generated import progress_reports

from treadle_domain.errors import InvalidValue
from treadle_domain.progress import MAX_CHECKPOINT_BYTES, ProgressReport, Recording
from treadle_wire import progress_codec
from treadle_wire.store.v1 import job_store_pb2 as pb


@given(progress_reports)
def test_a_report(report: ProgressReport) -> None:
    sent = progress_codec.progress_report_to_wire(report).SerializeToString()

    assert progress_codec.progress_report_from_wire(pb.ProgressReport.FromString(sent)) == report


def a_line(**said: Any) -> pb.ProgressReport:
    defaults: dict[str, Any] = {"number": 1, "level": "info"}
    return pb.ProgressReport(job_id=b"x" * 16, log_lines=[pb.LogLine(**defaults | said)])


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (pb.ProgressReport(job_id=b"short"), "id"),
        (a_line(number=0), "log_lines.number"),
        (a_line(number=1_001), "log_lines.number"),
        (a_line(logged_at_us=2**62), "time"),
        (
            pb.ProgressReport(job_id=b"x" * 16, progress=pb.Progress(fraction=1.1)),
            "progress.fraction",
        ),
        (
            pb.ProgressReport(job_id=b"x" * 16, progress=pb.Progress(fraction=float("nan"))),
            "progress.fraction",
        ),
        (
            pb.ProgressReport(job_id=b"x" * 16, checkpoint=b"1" * (MAX_CHECKPOINT_BYTES + 1)),
            "checkpoint",
        ),
    ],
)
def test_a_report_that_breaks_a_bound_is_refused(message: pb.ProgressReport, field: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        progress_codec.progress_report_from_wire(message)

    assert refusal.value.field == field


def test_every_recording_has_a_number_and_every_number_is_a_recording() -> None:
    numbers = {progress_codec.recording_to_wire(recording): recording for recording in Recording}

    assert {*numbers, pb.RECORDING_UNSPECIFIED} == set(pb.Recording.values())
    assert all(progress_codec.recording_from_wire(n) is one for n, one in numbers.items())
