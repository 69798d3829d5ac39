"""Jobs, sessions and reports for tests that care about one thing of them only."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from treadle_domain.idempotency import Idempotency
from treadle_domain.job import Job
from treadle_domain.job_error import ErrorKind, JobError
from treadle_domain.outcomes import Failed
from treadle_domain.progress import LogLevel, LogLine, ProgressReport
from treadle_domain.run_policy import UNSAID, RunOptions
from treadle_domain.stored_job import NewJob, StoredJob
from treadle_domain.submission import Submission
from treadle_domain.worker_session import WorkerSession

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def a_submission(**said: Any) -> Submission:
    defaults: dict[str, Any] = {"namespace": "default", "queue": "default", "type": "echo"}
    return Submission(**{"id": uuid4()} | defaults | said)


def an_idempotency(key: str, body: bytes = b"") -> Idempotency:
    return Idempotency(key=key, fingerprint=sha256(body).digest())


def a_new_job(payload: bytes = b"{}", **said: Any) -> NewJob:
    return NewJob(submission=a_submission(**said), payload=payload)


def a_job(now: datetime = NOW, **said: Any) -> Job:
    return Job.submitted(a_submission(**said), now)


def a_stored_job(payload: bytes = b"{}", now: datetime = NOW, **said: Any) -> StoredJob:
    return StoredJob(job=a_job(now, **said), payload=payload)


def running(job: Job, session: UUID | None = None, now: datetime | None = None) -> Job:
    """Claimed as soon as it is due."""
    start = now or max(NOW, job.run_at)
    return job.claim(session=session or uuid4(), worker="worker-1", handler=UNSAID, now=start)


def a_session(*types: str, **said: Any) -> WorkerSession:
    handlers = {name: RunOptions() for name in types or ("echo",)}
    defaults: dict[str, Any] = {
        "worker": "worker-1",
        "namespaces": ("default",),
        "queues": ("default",),
        "handlers": handlers,
    }
    return WorkerSession(**{"id": uuid4()} | defaults | said)


def a_failure(kind: ErrorKind = ErrorKind.ERROR, message: str = "boom") -> Failed:
    return Failed(error=JobError(kind=kind, type="ValueError", message=message))


def a_log_line(number: int = 1, message: str = "hello", **said: Any) -> LogLine:
    defaults: dict[str, Any] = {"logged_at": NOW, "level": LogLevel.INFO}
    return LogLine(number=number, message=message, **defaults | said)


def a_progress_report(job_id: UUID, fence: int = 1, **said: Any) -> ProgressReport:
    return ProgressReport(job_id=job_id, fence=fence, **said)
