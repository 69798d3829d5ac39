"""The parts of requests and answers that only this side of the wire needs."""

from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

from treadle_domain.claimed_run import RunReport
from treadle_domain.errors import DomainError, InvalidValue
from treadle_domain.job_error import ErrorKind, JobError
from treadle_domain.outcomes import Failed
from treadle_domain.progress import ProgressReport
from treadle_domain.stored_job import NewJob, StoredJob, SubmitOutcome
from treadle_domain.worker_session import SessionEnd
from treadle_store.application.get_jobs import FoundJobs
from treadle_store.application.submit_jobs import Answer, AsSubmitted
from treadle_wire import job_codec, progress_codec, run_codec, submission_codec
from treadle_wire.scalars import to_us, to_uuid
from treadle_wire.status import fault_to_wire
from treadle_wire.store.v1 import job_pb2, job_store_pb2

MAX_BATCH = 1_000
_CREATED = submission_codec.outcome_to_wire(SubmitOutcome.CREATED)

Item = TypeVar("Item")


def bounded(items: Sequence[Item], what: str = "jobs") -> Sequence[Item]:
    """Raises InvalidValue above MAX_BATCH."""
    if len(items) > MAX_BATCH:
        raise InvalidValue("batch", f"must hold at most {MAX_BATCH} {what}")
    return items


def new_job_or_fault(message: job_pb2.Submission, namespace: str) -> NewJob | InvalidValue:
    try:
        return submission_codec.new_job_from_wire(message, namespace)
    except InvalidValue as error:
        return error


def report_or_failure(message: job_store_pb2.RunOutcome) -> RunReport:
    """A report that breaks the rules fails its own run for good, and its neighbours are recorded."""
    try:
        return run_codec.report_from_wire(message)
    except InvalidValue as error:
        refusal = JobError(
            kind=ErrorKind.PERMANENT, message=f"the worker's report is invalid: {error}"
        )
        return RunReport(
            namespace=message.namespace,
            job_id=to_uuid(message.job_id),
            fence=message.fence,
            outcome=Failed(error=refusal),
        )


def progress_reports(request: job_store_pb2.RecordProgressRequest) -> Sequence[ProgressReport]:
    """Raises InvalidValue: the worker keeps these bounds, so a report that breaks one is a fault of ours."""
    bounded([line for report in request.reports for line in report.log_lines], "log lines")
    return [progress_codec.progress_report_from_wire(each) for each in bounded(request.reports)]


def submitted(answer: Answer, *, brief: bool) -> job_store_pb2.SubmitJobsResponse.Submitted:
    if answer is None:
        return job_store_pb2.SubmitJobsResponse.Submitted()
    if isinstance(answer, DomainError):
        return job_store_pb2.SubmitJobsResponse.Submitted(fault=fault_to_wire(answer))
    if brief and isinstance(answer, AsSubmitted):
        return job_store_pb2.SubmitJobsResponse.Submitted(
            created_at_us=to_us(answer.at), outcome=_CREATED
        )
    is_created = answer.outcome is SubmitOutcome.CREATED
    if brief and is_created and answer.job.is_as_submitted:
        return job_store_pb2.SubmitJobsResponse.Submitted(
            created_at_us=to_us(answer.job.created_at), outcome=_CREATED
        )
    job = job_codec.job_to_wire(answer.job)
    if not is_created:
        # Of other requests, which may have been larger: a message would not hold a thousand of them.
        job.ClearField("metadata")
        job.ClearField("error")
    return job_store_pb2.SubmitJobsResponse.Submitted(
        job=job, due=answer.due, outcome=submission_codec.outcome_to_wire(answer.outcome)
    )


def found(found: FoundJobs, job_id: UUID) -> job_store_pb2.GetJobsResponse.Found:
    stored = found.jobs.get(job_id)
    job = None if stored is None else job_codec.stored_job_to_wire(stored)
    return job_store_pb2.GetJobsResponse.Found(job=job, left_out=job_id in found.left_out)


def changed(answer: StoredJob | DomainError) -> job_store_pb2.ChangeJobsResponse.Changed:
    if isinstance(answer, DomainError):
        return job_store_pb2.ChangeJobsResponse.Changed(fault=fault_to_wire(answer))
    return job_store_pb2.ChangeJobsResponse.Changed(job=job_codec.stored_job_to_wire(answer))


def session_end(reason: str) -> SessionEnd:
    """A session that a newer worker closes in words of its own is closed, and what it held is lost. Only the store says
    `expired`."""
    return SessionEnd.DRAINED if reason == SessionEnd.DRAINED else SessionEnd.KILLED
