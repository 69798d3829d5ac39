"""The OpenAPI 3.1 document: what the framework cannot see of routes that read and write JSON by themselves."""

from collections.abc import Sequence
from typing import Any

import msgspec
from fastapi import FastAPI
from pydantic.json_schema import models_json_schema
from starlette.responses import Response

from treadle_api.adapters.inbound.http.answers import (
    AttemptsAnswer,
    HealthAnswer,
    JobAnswer,
    JobPageAnswer,
    QueuePageAnswer,
)
from treadle_api.adapters.inbound.http.batch_answers import BatchAnswer, BatchRefusedBody
from treadle_api.adapters.inbound.http.batch_body import MAX_ITEMS
from treadle_api.adapters.inbound.http.preferences import LONGEST_WAIT_SECONDS, WAIT
from treadle_api.adapters.inbound.http.problems import PROBLEM_JSON, ProblemBody, ProblemType
from treadle_api.adapters.inbound.http.schemas import BatchJobRequest, JobRequest
from treadle_domain.bounds import KEY_PATTERN, MAX_ATTEMPTS, NAME_PATTERN
from treadle_domain.queue_depth import MAX_QUEUES_PAGE
from treadle_domain.states import JobState
from treadle_domain.stored_job import MAX_PAGE

_REF = "#/components/schemas/{}"


class DocumentedApi(FastAPI):
    def openapi(self) -> dict[str, Any]:
        document = super().openapi()
        document.setdefault("components", {})["schemas"] = _schemas()
        return document


def _schemas() -> dict[str, Any]:
    answers = [
        JobAnswer,
        JobPageAnswer,
        AttemptsAnswer,
        QueuePageAnswer,
        BatchAnswer,
        BatchRefusedBody,
        HealthAnswer,
        ProblemBody,
    ]
    _, components = msgspec.json.schema_components(answers, ref_template=_REF.format("{name}"))
    _, requests = models_json_schema(
        [(JobRequest, "validation"), (BatchJobRequest, "validation")],
        ref_template=_REF.format("{model}"),
    )
    return {**components, **requests["$defs"]}


def _json(schema: type, media_type: str = "application/json") -> dict[str, Any]:
    return {media_type: {"schema": {"$ref": _REF.format(schema.__name__)}}}


def _problems(*kinds: ProblemType) -> dict[int | str, Any]:
    content = _json(ProblemBody, PROBLEM_JSON)
    titles: dict[int | str, list[str]] = {}
    for kind in kinds:
        titles.setdefault(kind.status, []).append(kind.title)
    return {
        status: {"description": " / ".join(said), "content": content}
        for status, said in titles.items()
    }


def _operation(
    summary: str,
    answer: type,
    *problems: ProblemType,
    status: int = 200,
    headers: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    success: dict[str, Any] = {"description": summary, "content": _json(answer)}
    if headers:
        success["headers"] = headers
    return {
        "summary": summary,
        "status_code": status,
        "response_class": Response,
        "response_model": None,
        "responses": {status: success, **_problems(*problems)},
        "openapi_extra": more,
    }


def _parameter(name: str, schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, **more}


def _page_parameters(most: int) -> Sequence[dict[str, Any]]:
    return [
        _parameter("limit", {"type": "integer", "minimum": 1, "maximum": most, "default": 50}),
        _parameter("cursor", {"type": "string"}, description="next_cursor of the page before."),
    ]


_ANYWHERE = (ProblemType.VALIDATION, ProblemType.INTERNAL, ProblemType.STORE_UNAVAILABLE)
_ON_ONE_JOB = (ProblemType.JOB_NOT_FOUND, *_ANYWHERE)
_NAME = {"type": "string", "pattern": NAME_PATTERN}
_LIST_PARAMETERS: Sequence[dict[str, Any]] = (
    _parameter(
        "state",
        {"type": "array", "items": {"type": "string", "enum": [*JobState]}},
        explode=True,
        description="May be repeated: jobs in any of the states.",
    ),
    _parameter("queue", _NAME),
    _parameter("type", _NAME),
    _parameter(
        "metadata",
        {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "propertyNames": {"pattern": rf"^metadata\.{NAME_PATTERN[1:]}"},
        },
        style="form",
        explode=True,
        description="metadata.KEY=VALUE: jobs whose metadata have that pair; several must all match.",
    ),
    *(
        _parameter(name, {"type": "string", "format": "date-time"}, description=meaning)
        for name, meaning in {
            "created_after": "Made at that time or later.",
            "created_before": "Made before that time.",
            "finished_after": "Finished at that time or later.",
            "finished_before": "Finished before that time.",
        }.items()
    ),
    _parameter(
        "attempt_above",
        {"type": "integer", "minimum": 0, "maximum": MAX_ATTEMPTS},
        description="Jobs whose latest run was a later attempt than this one.",
    ),
    *_page_parameters(MAX_PAGE),
)
_QUEUE_PARAMETERS: Sequence[dict[str, Any]] = (
    _parameter(
        "queue",
        {"type": "array", "items": _NAME, "maxItems": MAX_QUEUES_PAGE},
        explode=True,
        description="May be repeated: only these, also where they are empty.",
    ),
    *_page_parameters(MAX_QUEUES_PAGE),
)

_TAG = {"ETag": {"schema": {"type": "string"}, "description": "Changes whenever the job does."}}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "ETags of an answer: where the job is still as it was then, the answer is 304.",
}

_WAITING: Sequence[dict[str, Any]] = (
    {
        "name": "Prefer",
        "in": "header",
        "required": False,
        "schema": {"type": "string"},
        "description": "wait=N (RFC 7240): answer when the job has ended, or after N seconds with what is. N is cut "
        f"to {LONGEST_WAIT_SECONDS}; what makes no sense is ignored.",
    },
    _parameter(
        WAIT,
        {"type": "integer", "minimum": 0},
        description="The same as Prefer: wait=N, and goes before it.",
    ),
)
_WAITED = {
    "Preference-Applied": {
        "schema": {"type": "string", "pattern": r"^wait=\d+$"},
        "description": "The job has ended, or has not although the client waited so long. Absent where too many wait "
        "or the server stops: ask again.",
    }
}

SUBMIT_JOB = _operation(
    "Submit a job",
    JobAnswer,
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
        "Location": {"schema": {"type": "string"}, "description": "Path of the job."},
        **_TAG,
        **_WAITED,
        "Idempotency-Replayed": {
            "schema": {"type": "string", "enum": ["true"]},
            "description": "An earlier request with the same key made the job; it is answered as it is now.",
        },
    },
    parameters=[
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "schema": {"type": "string", "pattern": KEY_PATTERN},
            "description": "Repeating a request with the same key makes no second job; another request with it is 422.",
        },
        *_WAITING,
    ],
    requestBody={"required": True, "content": _json(JobRequest)},
)
SUBMIT_JOB["responses"][200] = {
    "description": "The job that holds the unique key: nothing was made",
    "content": _json(JobAnswer),
    "headers": {
        **SUBMIT_JOB["responses"][201]["headers"],
        "Unique-Outcome": {
            "schema": {"type": "string", "enum": ["existing", "replaced"]},
            "description": "Whether the job has the payload of this request now.",
        },
    },
}
_BATCH_OF = {
    "type": "array",
    "items": {"$ref": _REF.format("BatchJobRequest")},
    "maxItems": MAX_ITEMS,
}
SUBMIT_BATCH = _operation(
    "Submit up to 10,000 jobs, each answered for itself",
    BatchAnswer,
    ProblemType.MALFORMED_JSON,
    ProblemType.MALFORMED_ENCODING,
    ProblemType.BODY_TIMEOUT,
    ProblemType.TOO_LARGE,
    ProblemType.UNSUPPORTED_MEDIA_TYPE,
    ProblemType.TOO_BUSY,
    *_ANYWHERE,
    parameters=[
        _parameter(
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
                }
            },
            "application/x-ndjson": {
                "schema": {"type": "string", "description": "A job in each line, as a stream."}
            },
        },
    },
)
SUBMIT_BATCH["responses"][422]["content"] = {
    PROBLEM_JSON: {
        "schema": {
            "anyOf": [{"$ref": _REF.format(each)} for each in ("ProblemBody", "BatchRefusedBody")]
        }
    }
}
LIST_JOBS = _operation(
    "List jobs, newest first, without payload and result",
    JobPageAnswer,
    *_ANYWHERE,
    parameters=[*_LIST_PARAMETERS],
)
GET_JOB = _operation(
    "Get a job",
    JobAnswer,
    *_ON_ONE_JOB,
    headers={**_TAG, **_WAITED},
    parameters=[_IF_NONE_MATCH, *_WAITING],
)
GET_JOB["responses"][304] = {
    "description": "The job is as If-None-Match says",
    "headers": {**_TAG, **_WAITED},
}
LIST_ATTEMPTS = _operation(
    "List the runs of a job that did not succeed, oldest first", AttemptsAnswer, *_ON_ONE_JOB
)
CANCEL_JOB = _operation(
    "Cancel a job: at once if it waits, else it is asked to stop",
    JobAnswer,
    ProblemType.STATE_CONFLICT,
    *_ON_ONE_JOB,
)
RETRY_JOB = _operation(
    "Give a failed or cancelled job a new life",
    JobAnswer,
    ProblemType.STATE_CONFLICT,
    ProblemType.UNIQUE_CONFLICT,
    *_ON_ONE_JOB,
)
LIST_QUEUES = _operation(
    "List the queues that hold live jobs, by name, with how full they are",
    QueuePageAnswer,
    *_ANYWHERE,
    parameters=[*_QUEUE_PARAMETERS],
)
LIVE = _operation("Whether the process lives", HealthAnswer)
READY = _operation("Whether jobs can be accepted", HealthAnswer, ProblemType.STORE_UNAVAILABLE)
