"""The domain's words and the executor's frames, one into the other."""

from collections.abc import Mapping
from datetime import timedelta

from treadle_domain.claimed_run import ClaimedRun, RunReport
from treadle_domain.job_error import ErrorKind, JobError
from treadle_domain.outcomes import Failed, Outcome, Released, Snoozed, Succeeded
from treadle_domain.progress import Progress, ProgressReport
from treadle_domain.retry_policy import RetryPolicy
from treadle_domain.run_policy import RunOptions
from treadle_worker.application.runs import ExecutorLimits
from treadle_worker.executor import frames


def frame_of(run: ClaimedRun, number: int) -> frames.Run:
    return frames.Run(
        number=number,
        job_id=run.job_id,
        fence=run.fence,
        namespace=run.namespace,
        queue=run.queue,
        type=run.type,
        attempt=run.attempt,
        max_attempts=run.max_attempts,
        timeout_seconds=run.timeout.total_seconds(),
        created_at_us=round(run.created_at.timestamp() * 1_000_000),
        metadata=dict(run.metadata),
        payload=run.payload,
        checkpoint=run.checkpoint,
        trace_context=run.trace_context,
    )


def report_of(run: ClaimedRun, ended: frames.Ended) -> RunReport:
    match ended.outcome:
        case frames.Succeeded(result=result):
            return report(run, Succeeded(), result)
        case frames.Snoozed(delay_seconds=seconds):
            return report(run, Snoozed(delay=timedelta(seconds=seconds)))
        case frames.Failed() as failed:
            return report(run, Failed(error=_error_of(failed)))
        case frames.GivenBack(unstarted=unstarted):
            return report(run, Released(unstarted=unstarted))


def report(run: ClaimedRun, outcome: Outcome, result: bytes | None = None) -> RunReport:
    return RunReport(
        namespace=run.namespace,
        job_id=run.job_id,
        fence=run.fence,
        outcome=outcome,
        result=result,
    )


def _error_of(failed: frames.Failed) -> JobError:
    return JobError(
        kind=ErrorKind(failed.kind.value),
        type=failed.type,
        message=failed.message,
        traceback=failed.traceback,
    )


def told_of(told: frames.Told) -> ProgressReport:
    """InvalidValue if it breaks a bound."""
    progress = None
    if told.fraction is not None:
        progress = Progress(fraction=told.fraction, note=told.note)
    return ProgressReport(
        job_id=told.job_id, fence=told.fence, progress=progress, checkpoint=told.checkpoint
    )


def limits_of(handlers: Mapping[str, frames.HandlerOptions], alone: int) -> ExecutorLimits:
    return ExecutorLimits(
        by_type={
            type: said.concurrency
            for type, said in handlers.items()
            if said.concurrency is not None
        },
        isolated=frozenset(type for type, said in handlers.items() if said.isolated),
        alone=alone,
    )


def options_of(handler: frames.HandlerOptions) -> RunOptions:
    seconds = handler.timeout_seconds
    return RunOptions(
        max_attempts=handler.max_attempts,
        timeout=None if seconds is None else timedelta(seconds=seconds),
        retry=None if handler.retry is None else _retry_of(handler.retry),
    )


def _retry_of(retry: frames.RetryOptions) -> RetryPolicy:
    return RetryPolicy(
        initial=timedelta(seconds=retry.initial_seconds),
        maximum=timedelta(seconds=retry.maximum_seconds),
        multiplier=retry.multiplier,
        jitter=retry.jitter,
    )
