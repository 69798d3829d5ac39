"""What runs tell of themselves, to messages and back."""

from treadle_domain.progress import LogLevel, LogLine, Progress, ProgressReport, Recording
from treadle_wire.scalars import from_us, to_us, to_uuid
from treadle_wire.store.v1 import job_store_pb2 as pb

_RECORDING_TO_WIRE = {
    Recording.RECORDED: pb.RECORDING_RECORDED,
    Recording.STALE: pb.RECORDING_STALE,
    Recording.UNSTORABLE: pb.RECORDING_UNSTORABLE,
}
_RECORDING_FROM_WIRE = {wire: recording for recording, wire in _RECORDING_TO_WIRE.items()}


def recording_to_wire(recording: Recording) -> pb.Recording:
    return _RECORDING_TO_WIRE[recording]


def recording_from_wire(recording: pb.Recording) -> Recording:
    """One of a newer store is read as STALE: nothing is known to be kept."""
    return _RECORDING_FROM_WIRE.get(recording, Recording.STALE)


def progress_report_to_wire(report: ProgressReport) -> pb.ProgressReport:
    said = report.progress
    return pb.ProgressReport(
        job_id=report.job_id.bytes,
        fence=report.fence,
        number=report.number,
        progress=None if said is None else pb.Progress(fraction=said.fraction, note=said.note),
        checkpoint=report.checkpoint,
        log_lines=[_log_line_to_wire(line) for line in report.log_lines],
    )


def progress_report_from_wire(message: pb.ProgressReport) -> ProgressReport:
    """Raises InvalidValue."""
    said = message.progress
    return ProgressReport(
        job_id=to_uuid(message.job_id),
        fence=message.fence,
        number=message.number,
        progress=Progress(fraction=said.fraction, note=said.note)
        if message.HasField("progress")
        else None,
        checkpoint=message.checkpoint if message.HasField("checkpoint") else None,
        log_lines=tuple([_log_line_from_wire(line) for line in message.log_lines]),
    )


def _log_line_to_wire(line: LogLine) -> pb.LogLine:
    return pb.LogLine(
        number=line.number,
        logged_at_us=to_us(line.logged_at),
        level=line.level,
        message=line.message,
    )


def _log_line_from_wire(message: pb.LogLine) -> LogLine:
    return LogLine(
        number=message.number,
        logged_at=from_us(message.logged_at_us),
        level=LogLevel.of(message.level),
        message=message.message,
    )
