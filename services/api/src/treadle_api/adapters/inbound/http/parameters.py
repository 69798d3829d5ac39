"""The parameters of operations, as the OpenAPI document describes them."""

from collections.abc import Sequence
from typing import Any

from treadle_api.adapters.inbound.http.preferences import LONGEST_WAIT_SECONDS, WAIT
from treadle_domain.bounds import KEY_PATTERN, MAX_ATTEMPTS, NAME_PATTERN
from treadle_domain.queue_depth import MAX_QUEUES_PAGE
from treadle_domain.states import JobState
from treadle_domain.stored_job import MAX_PAGE


def query_parameter(name: str, schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, **more}


def _page_parameters(most: int) -> Sequence[dict[str, Any]]:
    return [
        query_parameter("limit", {"type": "integer", "minimum": 1, "maximum": most, "default": 50}),
        query_parameter(
            "cursor", {"type": "string"}, description="next_cursor of the page before."
        ),
    ]


_NAME = {"type": "string", "pattern": NAME_PATTERN}
OF_JOBS: Sequence[dict[str, Any]] = (
    query_parameter(
        "state",
        {"type": "array", "items": {"type": "string", "enum": [*JobState]}},
        explode=True,
        description="May be repeated: jobs in any of the states.",
    ),
    query_parameter("queue", _NAME),
    query_parameter("type", _NAME),
    query_parameter(
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
        query_parameter(name, {"type": "string", "format": "date-time"}, description=meaning)
        for name, meaning in {
            "created_after": "Made at that time or later.",
            "created_before": "Made before that time.",
            "finished_after": "Finished at that time or later.",
            "finished_before": "Finished before that time.",
        }.items()
    ),
    query_parameter(
        "attempt_above",
        {"type": "integer", "minimum": 0, "maximum": MAX_ATTEMPTS},
        description="Jobs whose latest run was a later attempt than this one.",
    ),
    *_page_parameters(MAX_PAGE),
)
OF_QUEUES: Sequence[dict[str, Any]] = (
    query_parameter(
        "queue",
        {"type": "array", "items": _NAME, "maxItems": MAX_QUEUES_PAGE},
        explode=True,
        description="May be repeated: only these, also where they are empty.",
    ),
    *_page_parameters(MAX_QUEUES_PAGE),
)

IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "ETags of an answer: where the job is still as it was then, the answer is 304.",
}

WAITING: Sequence[dict[str, Any]] = (
    {
        "name": "Prefer",
        "in": "header",
        "required": False,
        "schema": {"type": "string"},
        "description": "wait=N (RFC 7240): answer when the job has ended, or after N seconds with what is. N is cut "
        f"to {LONGEST_WAIT_SECONDS}; what makes no sense is ignored.",
    },
    query_parameter(
        WAIT,
        {"type": "integer", "minimum": 0},
        description="The same as Prefer: wait=N, and goes before it.",
    ),
)
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "pattern": KEY_PATTERN},
    "description": "Repeating a request with the same key makes no second job; another request with it is 422.",
}
