"""What the OpenAPI document shows: requests as clients send them, and answers as they come."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import asdict, replace

from treadle_api.adapters.inbound.http.answers import (
    AttemptAnswer,
    AttemptsAnswer,
    ErrorAnswer,
    HealthAnswer,
    JobAnswer,
    JobPageAnswer,
    JobSummary,
    ProgressAnswer,
    QueueAnswer,
    QueuePageAnswer,
    RetryAnswer,
    UniqueAnswer,
)
from treadle_api.adapters.inbound.http.batch_answers import BatchAnswer, ItemAnswer, ItemStatus
from treadle_api.adapters.inbound.http.key_answers import KeyAnswer, KeysAnswer, NewKeyAnswer
from treadle_api.adapters.inbound.http.problem_examples import JOB_ID, PROBLEMS
from treadle_api.adapters.inbound.http.problems import ProblemType
from treadle_domain.api_key import Role
from treadle_domain.job_error import ErrorKind
from treadle_domain.states import JobState
from treadle_domain.uniqueness import UniqueScope

_WORKER = "worker-7d9f"
_SUBMITTED_AT = "2030-01-31T12:00:00.000000Z"
_STARTED_AT = "2030-01-31T12:00:00.004120Z"
_ENDED_AT = "2030-01-31T12:00:01.250000Z"
_PAYLOAD = msgspec.Raw(b'{"path": "orders.csv"}')
_RESULT = msgspec.Raw(b'{"rows": 100000}')
_NULL = msgspec.Raw(b"null")

JOBS: Mapping[str, Any] = {
    "new-job": {"type": "csv.summarize", "payload": {"path": "orders.csv"}},
    "new-job-with-all-fields": {
        "type": "csv.summarize",
        "payload": {"path": "orders.csv"},
        "queue": "reports",
        "priority": 5,
        "delay_seconds": 60,
        "expires_at": "2030-01-31T13:00:00Z",
        "max_attempts": 5,
        "timeout_seconds": 120,
        "retry": {"initial_seconds": 2, "maximum_seconds": 60, "multiplier": 2, "jitter": 0.5},
        "unique": {"key": "summary:orders", "scope": "active", "on_conflict": "return_existing"},
        "metadata": {"order": "17"},
    },
}
_BATCH = [JOBS["new-job"], {"type": "mail.send", "idempotency_key": "invoice-2031"}]
BATCHES: Mapping[str, Any] = {
    "new-batch": _BATCH,
    "new-atomic-batch": {"jobs": _BATCH, "atomic": True},
}
LINES: Mapping[str, Any] = {"new-batch-in-lines": "".join(f"{json.dumps(job)}\n" for job in _BATCH)}

KEYS: Mapping[str, Any] = {
    "key-to-be-made": {"name": "billing", "roles": ["submit", "read"], "queues": ["mail"]}
}

_ERROR = ErrorAnswer(
    kind=ErrorKind.ERROR,
    type="FileNotFoundError",
    message="No such file: orders.csv",
    traceback="Traceback (most recent call last): …",
)
_PENDING = JobAnswer(
    id=JOB_ID,
    type="csv.summarize",
    queue="reports",
    priority=5,
    state=JobState.PENDING,
    attempt=0,
    max_attempts=5,
    timeout_seconds=120,
    retry=RetryAnswer(initial_seconds=2, maximum_seconds=60, multiplier=2.0, jitter=0.5),
    metadata={"order": "17"},
    unique=UniqueAnswer(key="summary:orders", scope=UniqueScope.ACTIVE, seconds=None),
    created_at=_SUBMITTED_AT,
    run_at=_SUBMITTED_AT,
    started_at=None,
    finished_at=None,
    expires_at="2030-01-31T13:00:00.000000Z",
    cancel_requested_at=None,
    worker=None,
    error=None,
    losses=0,
    interruptions=0,
    snoozes=0,
    fence=0,
    version=1,
    progress=None,
    payload=_PAYLOAD,
    result=_NULL,
)
_SUCCEEDED = replace(
    _PENDING,
    state=JobState.SUCCESS,
    attempt=1,
    started_at=_STARTED_AT,
    finished_at=_ENDED_AT,
    worker=_WORKER,
    fence=1,
    version=3,
    progress=ProgressAnswer(fraction=1.0, note="100000 rows", updated_at=_ENDED_AT),
    result=_RESULT,
)
_CANCELLED = replace(
    _PENDING,
    state=JobState.CANCELLED,
    finished_at=_ENDED_AT,
    cancel_requested_at=_ENDED_AT,
    error=ErrorAnswer(
        kind=ErrorKind.CANCELLED, type="", message="cancelled before it started", traceback=""
    ),
    version=2,
)
_RETRIED = replace(_PENDING, run_at=_ENDED_AT, fence=5, version=12)
_JOB_PAGE = JobPageAnswer(
    items=[JobSummary(**{name: asdict(_SUCCEEDED)[name] for name in JobSummary.__struct_fields__})],
    next_cursor=None,
)
_ATTEMPTS = AttemptsAnswer(
    items=[
        AttemptAnswer(
            attempt=1,
            fence=1,
            worker=_WORKER,
            started_at=_STARTED_AT,
            ended_at=_ENDED_AT,
            error=_ERROR,
        )
    ]
)
_QUEUE_PAGE = QueuePageAnswer(
    items=[
        QueueAnswer(
            queue="reports",
            ready=12,
            scheduled=3,
            retrying=1,
            running=8,
            oldest_ready_age_seconds=0.75,
            capped=False,
        )
    ],
    next_cursor=None,
)
_KEY = KeyAnswer(
    id="5f0c9a7be3d14821",
    name="billing",
    namespace="default",
    roles=[Role.READ, Role.SUBMIT],
    queues=["mail"],
    rate_limit_per_second=None,
    created_at=_SUBMITTED_AT,
    revoked_at=None,
)
ANSWERS: Mapping[str, msgspec.Struct] = {
    "pending-job": _PENDING,
    "succeeded-job": _SUCCEEDED,
    "cancelled-job": _CANCELLED,
    "retried-job": _RETRIED,
    "batch": BatchAnswer(
        results=[
            ItemAnswer(status=ItemStatus.CREATED, id=JOB_ID),
            ItemAnswer(status=ItemStatus.INVALID, problem=PROBLEMS[ProblemType.VALIDATION]),
        ]
    ),
    "jobs": _JOB_PAGE,
    "attempts": _ATTEMPTS,
    "queues": _QUEUE_PAGE,
    "new-key": NewKeyAnswer(**asdict(_KEY), token=f"trd_{_KEY.id}_{'x' * 43}"),
    "keys": KeysAnswer(items=[_KEY]),
    "revoked-key": replace(_KEY, revoked_at=_ENDED_AT),
    "live": HealthAnswer("live"),
    "ready": HealthAnswer("ready"),
}

METRICS_TEXT = {
    "metrics": "# HELP treadle_api_waiters Requests that wait for the end of a job\n"
    "# TYPE treadle_api_waiters gauge\n"
    "treadle_api_waiters 3.0\n"
}


def all_examples() -> dict[str, Any]:
    """By the names that operations refer to, as they are in JSON."""
    problems = {kind.slug: body for kind, body in PROBLEMS.items()}
    bodies = {**JOBS, **BATCHES, **LINES, **KEYS, **ANSWERS, **METRICS_TEXT, **problems}
    return {
        name: {"value": msgspec.json.decode(msgspec.json.encode(body))}
        for name, body in bodies.items()
    }
