"""Rows to jobs and back."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from treadle_domain.attempt import Attempt
from treadle_domain.job import Job
from treadle_domain.job_error import ErrorKind, JobError
from treadle_domain.progress import LogLine, ProgressReport
from treadle_domain.retry_policy import RetryPolicy
from treadle_domain.run_policy import DEFAULT_POLICY, UNSAID, RunOptions, RunPolicy
from treadle_domain.states import JobState
from treadle_domain.stored_job import StoredJob
from treadle_domain.uniqueness import Uniqueness
from treadle_store.application.errors import Unstorable
from treadle_store.application.ports import Change

Values = dict[str, Any]

_CONVERTED = {"state", "requested", "policy", "error", "unique"}
SAME = [f.name for f in fields(Job) if f.name not in _CONVERTED]
"""Columns that are fields of the same name and type."""
_FIELDS = [f.name for f in fields(Job)]
_STATES = {state.value: state for state in JobState}
_COLUMNS_OF = {
    "policy": ("max_attempts", "timeout", "retry"),
    "requested": ("requested_max_attempts", "requested_timeout", "requested_retry"),
    "unique": ("uniqueness",),
}


def values_of(job: Job, payload: bytes | None = None, result: bytes | None = None) -> Values:
    """A payload is given with a new job, or where another one replaces it."""
    values: Values = {name: getattr(job, name) for name in SAME}
    said, policy = job.requested, job.policy
    return values | {
        "state": job.state.value,
        "requested_max_attempts": said.max_attempts,
        "requested_timeout": said.timeout,
        "requested_retry": None if said.retry is None else _retry_values(said.retry),
        "max_attempts": policy.max_attempts,
        "timeout": policy.timeout,
        "retry": kept_retry(policy),
        "error": None if job.error is None else _error_values(job.error),
        "uniqueness": None if job.unique is None else _uniqueness_values(job.unique),
        "payload": text_of(payload),
        "result": text_of(result),
    }


def change_values(change: Change, columns: frozenset[str]) -> Values:
    """Of these columns, with the id and the version that the row must still have."""
    values = values_of(change.after, payload=change.payload, result=change.result)
    row = {name: values[name] for name in columns}
    return row | {"id": change.after.id, "expected_version": change.before.version}


def changed_columns(before: Job, after: Job) -> frozenset[str]:
    return columns_of(n for n in _FIELDS if getattr(before, n) != getattr(after, n))


def columns_of(fields: Iterable[str]) -> frozenset[str]:
    """That hold these fields of a job."""
    return frozenset(column for name in fields for column in _COLUMNS_OF.get(name, (name,)))


def stored_jobs_of(rows: Sequence[Row[Any]]) -> Iterator[StoredJob]:
    for columns in _columns_of_each(rows):
        result = columns["result"]
        yield StoredJob(
            job=_job_of(columns),
            payload=columns["payload"].encode(),
            result=None if result is None else result.encode(),
        )


def jobs_of(rows: Sequence[Row[Any]]) -> Iterator[Job]:
    return map(_job_of, _columns_of_each(rows))


def _columns_of_each(rows: Sequence[Row[Any]]) -> Iterator[Values]:
    """Ten times as fast as to ask a row for each of its columns."""
    names = rows[0]._fields if rows else ()
    return (dict(zip(names, row, strict=True)) for row in rows)


def _job_of(columns: Values) -> Job:
    return Job(
        **{name: columns[name] for name in SAME},
        state=_STATES[columns["state"]],
        requested=_requested_of(columns),
        policy=_policy_of(columns),
        error=None if columns["error"] is None else _error_of(columns["error"]),
        unique=None if (unique := columns["uniqueness"]) is None else _uniqueness_of(unique),
    )


def _requested_of(columns: Values) -> RunOptions:
    said = [columns[name] for name in _COLUMNS_OF["requested"]]
    if said == [None, None, None]:
        return UNSAID
    max_attempts, timeout, retry = said
    kept = None if retry is None else _retry_of(retry)
    return RunOptions(max_attempts=max_attempts, timeout=timeout, retry=kept)


def _policy_of(columns: Values) -> RunPolicy:
    max_attempts, timeout, retry = (columns[name] for name in _COLUMNS_OF["policy"])
    kept = DEFAULT_POLICY.retry if retry is None else _retry_of(retry)
    policy = RunPolicy(max_attempts=max_attempts, timeout=timeout, retry=kept)
    return DEFAULT_POLICY if policy == DEFAULT_POLICY else policy


def attempt_values(attempt: Attempt) -> Values:
    return {
        "job_id": attempt.job_id,
        "fence": attempt.fence,
        "number": attempt.number,
        "session": attempt.session,
        "worker": attempt.worker,
        "started_at": attempt.started_at,
        "ended_at": attempt.ended_at,
        "error": _error_values(attempt.error),
    }


def attempt_of(row: Row[Any]) -> Attempt:
    columns = dict(row._mapping)
    return Attempt(**columns | {"error": _error_of(columns["error"])})


def progress_values(report: ProgressReport) -> Values:
    said = report.progress
    return {
        "id": report.job_id,
        "fence": report.fence,
        "report_number": report.number,
        "fraction": None if said is None else said.fraction,
        "note": None if said is None else said.note,
        "state": text_of(report.checkpoint),
    }


def log_line_values(job_id: UUID, line: LogLine) -> Values:
    return {
        "job_id": job_id,
        "number": line.number,
        "logged_at": line.logged_at,
        "level": line.level.value,
        "message": line.message,
    }


def options_values(options: RunOptions) -> Values:
    return {
        "max_attempts": options.max_attempts,
        "timeout_seconds": None if options.timeout is None else options.timeout.total_seconds(),
        "retry": None if options.retry is None else _retry_values(options.retry),
    }


def options_of(values: Mapping[str, Any]) -> RunOptions:
    timeout, retry = values["timeout_seconds"], values["retry"]
    return RunOptions(
        max_attempts=values["max_attempts"],
        timeout=None if timeout is None else timedelta(seconds=timeout),
        retry=None if retry is None else _retry_of(retry),
    )


def kept_retry(policy: RunPolicy) -> Values | None:
    """The default one, which nearly all have, is not repeated in every row."""
    return None if policy.retry == DEFAULT_POLICY.retry else _retry_values(policy.retry)


def _retry_values(policy: RetryPolicy) -> Values:
    return {
        "initial_seconds": policy.initial.total_seconds(),
        "maximum_seconds": policy.maximum.total_seconds(),
        "multiplier": policy.multiplier,
        "jitter": policy.jitter,
    }


def _retry_of(values: Mapping[str, Any]) -> RetryPolicy:
    return RetryPolicy(
        initial=timedelta(seconds=values["initial_seconds"]),
        maximum=timedelta(seconds=values["maximum_seconds"]),
        multiplier=values["multiplier"],
        jitter=values["jitter"],
    )


def _uniqueness_values(unique: Uniqueness) -> Values:
    window = unique.window
    return {
        "key": unique.key,
        "scope": unique.scope.value,
        "window_seconds": None if window is None else window.total_seconds(),
    }


def _uniqueness_of(values: Mapping[str, Any]) -> Uniqueness:
    window = values["window_seconds"]
    return Uniqueness.kept(
        values["key"], values["scope"], None if window is None else timedelta(seconds=window)
    )


def _error_values(error: JobError) -> Values:
    return {
        "kind": error.kind.value,
        "type": error.type,
        "message": error.message,
        "traceback": error.traceback,
    }


def _error_of(values: Mapping[str, Any]) -> JobError:
    return JobError(
        kind=ErrorKind.of(values["kind"]),
        type=values["type"],
        message=values["message"],
        traceback=values["traceback"],
    )


def text_of(json: bytes | None) -> str | None:
    try:
        return None if json is None else json.decode()
    except UnicodeDecodeError as error:
        raise Unstorable(f"not UTF-8: {error.reason} at byte {error.start}") from error
