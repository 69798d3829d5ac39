"""What the log says of single runs: which ones failed, and of what kind. What users gave and their code returned or
raised is not for the log."""

from collections.abc import Callable, Iterable

import structlog

from treadle_domain.claimed_run import ClaimedRun, RunReport
from treadle_domain.outcomes import Failed, Lost
from treadle_domain.trace_context import trace_id_of

_log = structlog.get_logger()


def tell_failures(
    reports: Iterable[RunReport], run_of: Callable[[RunReport], ClaimedRun | None]
) -> None:
    for report in reports:
        match report.outcome:
            case Failed(error=error):
                said = {"kind": error.kind.value, "error": error.type}
                _tell("run failed", run_of(report), said)
            case Lost():
                _tell("run lost", run_of(report), {})


def _tell(event: str, run: ClaimedRun | None, said: dict[str, str]) -> None:
    if run is None:
        return
    if run.trace_context is not None:
        said["trace_id"] = trace_id_of(run.trace_context)
    _log.warning(
        event,
        job_id=str(run.job_id),
        type=run.type,
        queue=run.queue,
        attempt=run.attempt,
        fence=run.fence,
        **said,
    )
