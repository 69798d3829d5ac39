"""What the OpenAPI 3.1 document tells of each operation."""

from treadle_api.adapters.inbound.http.batch_body import MAX_ITEMS
from treadle_api.adapters.inbound.http.examples import (
    BATCHES,
    JOBS,
    KEYS,
    LINES,
    METRICS_TEXT,
)
from treadle_api.adapters.inbound.http.operation import (
    REF,
    answer_body,
    json_body,
    operation,
    shown,
)
from treadle_api.adapters.inbound.http.parameters import (
    IDEMPOTENCY_KEY,
    IF_NONE_MATCH,
    OF_JOBS,
    OF_QUEUES,
    WAITING,
    query_parameter,
)
from treadle_api.adapters.inbound.http.problems import PROBLEM_JSON, ProblemType
from treadle_api.adapters.inbound.http.schemas import JobRequest, KeyRequest

_ANYWHERE = (ProblemType.VALIDATION, ProblemType.INTERNAL, ProblemType.STORE_UNAVAILABLE)
_ON_ONE_JOB = (ProblemType.JOB_NOT_FOUND, *_ANYWHERE)
_TAG = {
    "ETag": {
        "required": True,
        "schema": {"type": "string"},
        "description": "Changes whenever the job does.",
    }
}
_WAITED = {
    "Preference-Applied": {
        "schema": {"type": "string", "pattern": r"^wait=\d+$"},
        "description": "The job has ended, or has not although the client waited so long. Absent where too many wait "
        "or the server stops: ask again.",
    }
}
_SUBMITTED = {
    "Location": {
        "required": True,
        "schema": {"type": "string"},
        "description": "Path of the job.",
    },
    **_TAG,
    **_WAITED,
}

SUBMIT_JOB = operation(
    "submit_job",
    "Submit a job",
    "pending-job",
    ProblemType.MALFORMED_JSON,
    ProblemType.MALFORMED_ENCODING,
    ProblemType.BODY_TIMEOUT,
    ProblemType.TOO_LARGE,
    ProblemType.UNSUPPORTED_MEDIA_TYPE,
    ProblemType.UNIQUE_CONFLICT,
    ProblemType.IDEMPOTENCY_MISMATCH,
    *_ANYWHERE,
    status=201,
    headers={
        **_SUBMITTED,
        "Idempotency-Replayed": {
            "schema": {"type": "string", "enum": ["true"]},
            "description": "An earlier request with the same key made the job; it is answered as it is now.",
        },
    },
    parameters=[IDEMPOTENCY_KEY, *WAITING],
    requestBody={"required": True, "content": json_body(JobRequest, JOBS)},
)
SUBMIT_JOB["responses"][200] = {
    "description": "The job that holds the unique key: nothing was made",
    "content": answer_body("pending-job"),
    "headers": {
        **_SUBMITTED,
        "Unique-Outcome": {
            "required": True,
            "schema": {"type": "string", "enum": ["existing", "replaced"]},
            "description": "Whether the job has the payload of this request now.",
        },
    },
}
_BATCH_OF = {
    "type": "array",
    "items": {"$ref": REF.format("BatchJobRequest")},
    "maxItems": MAX_ITEMS,
}
SUBMIT_BATCH = operation(
    "submit_batch",
    "Submit up to 10,000 jobs, each answered for itself",
    "batch",
    ProblemType.MALFORMED_JSON,
    ProblemType.MALFORMED_ENCODING,
    ProblemType.BODY_TIMEOUT,
    ProblemType.TOO_LARGE,
    ProblemType.UNSUPPORTED_MEDIA_TYPE,
    ProblemType.BATCH_REFUSED,
    ProblemType.TOO_BUSY,
    *_ANYWHERE,
    parameters=[
        query_parameter(
            "atomic",
            {"type": "string", "enum": ["true", "false"], "default": "false"},
            description="All are stored or none; at most 1,000 jobs and 8 MiB.",
        )
    ],
    requestBody={
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "oneOf": [
                        _BATCH_OF,
                        {
                            "type": "object",
                            "properties": {"jobs": _BATCH_OF, "atomic": {"type": "boolean"}},
                            "required": ["jobs"],
                            "additionalProperties": False,
                        },
                    ]
                },
                "examples": shown(BATCHES),
            },
            "application/x-ndjson": {
                "schema": {"type": "string", "description": "A job in each line, as a stream."},
                "examples": shown(LINES),
            },
        },
    },
)
SUBMIT_BATCH["responses"][422]["content"][PROBLEM_JSON]["schema"] = {
    "anyOf": [{"$ref": REF.format(each)} for each in ("ProblemBody", "BatchRefusedBody")]
}
LIST_JOBS = operation(
    "list_jobs",
    "List jobs, newest first, without payload and result",
    "jobs",
    *_ANYWHERE,
    parameters=OF_JOBS,
)
GET_JOB = operation(
    "get_job",
    "Get a job",
    "succeeded-job",
    *_ON_ONE_JOB,
    headers={**_TAG, **_WAITED},
    parameters=[IF_NONE_MATCH, *WAITING],
)
GET_JOB["responses"][304] = {
    "description": "The job is as If-None-Match says",
    "headers": {**_TAG, **_WAITED},
}
LIST_ATTEMPTS = operation(
    "list_attempts",
    "List the runs of a job that did not succeed, oldest first",
    "attempts",
    *_ON_ONE_JOB,
)
CANCEL_JOB = operation(
    "cancel_job",
    "Cancel a job: at once if it waits, else it is asked to stop",
    "cancelled-job",
    ProblemType.STATE_CONFLICT,
    *_ON_ONE_JOB,
)
RETRY_JOB = operation(
    "retry_job",
    "Give a failed or cancelled job a new life",
    "retried-job",
    ProblemType.STATE_CONFLICT,
    ProblemType.UNIQUE_CONFLICT,
    *_ON_ONE_JOB,
)
LIST_QUEUES = operation(
    "list_queues",
    "List the queues that hold live jobs, by name, with how full they are",
    "queues",
    *_ANYWHERE,
    tag="queues",
    parameters=OF_QUEUES,
)
CREATE_KEY = operation(
    "create_key",
    "Make a key for a client",
    "new-key",
    ProblemType.MALFORMED_JSON,
    ProblemType.MALFORMED_ENCODING,
    ProblemType.BODY_TIMEOUT,
    ProblemType.TOO_LARGE,
    ProblemType.UNSUPPORTED_MEDIA_TYPE,
    *_ANYWHERE,
    tag="keys",
    status=201,
    requestBody={"required": True, "content": json_body(KeyRequest, KEYS)},
)
LIST_KEYS = operation(
    "list_keys", "List the keys of your namespace, oldest first", "keys", *_ANYWHERE, tag="keys"
)
REVOKE_KEY = operation(
    "revoke_key",
    "Revoke a key: within seconds it does not count any more",
    "revoked-key",
    ProblemType.KEY_NOT_FOUND,
    *_ANYWHERE,
    tag="keys",
)
LIVE = operation("get_liveness", "Whether the process lives", "live", tag="health", is_open=True)
READY = operation(
    "get_readiness",
    "Whether jobs can be accepted",
    "ready",
    ProblemType.STORE_UNAVAILABLE,
    tag="health",
    is_open=True,
)
METRICS = operation(
    "get_metrics", "What the process did, for Prometheus", "live", tag="health", is_open=True
)
METRICS["responses"][200]["content"] = {
    "text/plain": {"schema": {"type": "string"}, "examples": shown(METRICS_TEXT)}
}
