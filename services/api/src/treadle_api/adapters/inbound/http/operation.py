"""An operation as the OpenAPI document tells of it: what the framework cannot see of routes that read and write JSON by
themselves."""

from collections.abc import Iterable, Mapping
from typing import Any

from starlette.responses import Response

from treadle_api.adapters.inbound.http.examples import ANSWERS
from treadle_api.adapters.inbound.http.problems import PROBLEM_JSON, ProblemBody, ProblemType

REF = "#/components/schemas/{}"
KEY = "key"
"""The name of the security scheme."""


def json_body(
    schema: type, examples: Iterable[str], media_type: str = "application/json"
) -> dict[str, Any]:
    schema_of_it = {"$ref": REF.format(schema.__name__)}
    return {media_type: {"schema": schema_of_it, "examples": shown(examples)}}


def shown(examples: Iterable[str]) -> dict[str, Any]:
    """By reference: the framework drops what is null in a value."""
    return {name: {"$ref": f"#/components/examples/{name}"} for name in examples}


def answer_body(example: str) -> dict[str, Any]:
    return json_body(type(ANSWERS[example]), [example])


_RETRY_AFTER = {
    "required": True,
    "schema": {"type": "integer", "minimum": 0},
    "description": "Seconds.",
}
_RATE_LIMIT = {
    "RateLimit": {
        "required": True,
        "schema": {"type": "string"},
        "description": "`r`: so many more at once; `t`: seconds until there are more.",
    },
    "RateLimit-Policy": {
        "required": True,
        "schema": {"type": "string"},
        "description": "`q` requests in `w` seconds.",
    },
}
_MORE_OF_STATUS: Mapping[int | str, dict[str, Any]] = {
    429: {"headers": {"Retry-After": _RETRY_AFTER, **_RATE_LIMIT}},
    503: {"headers": {"Retry-After": _RETRY_AFTER}},
}


def _problems(*kinds: ProblemType) -> dict[int | str, Any]:
    by_status: dict[int | str, list[ProblemType]] = {}
    for kind in kinds:
        by_status.setdefault(kind.status, []).append(kind)
    return {
        status: {
            "description": " / ".join(f"[{kind.title}]({kind.uri})" for kind in those),
            "content": json_body(ProblemBody, (kind.slug for kind in those), PROBLEM_JSON),
            **_MORE_OF_STATUS.get(status, {}),
        }
        for status, those in by_status.items()
    }


_OF_CALLERS = (ProblemType.UNAUTHENTICATED, ProblemType.FORBIDDEN, ProblemType.RATE_LIMITED)


def operation(
    name: str,
    summary: str,
    example: str,
    *problems: ProblemType,
    tag: str = "jobs",
    status: int = 200,
    headers: dict[str, Any] | None = None,
    is_open: bool = False,
    **more: Any,
) -> dict[str, Any]:
    """`example` names an answer; its type is the schema. `is_open`: no key is asked for, and no limit counts."""
    if not is_open:
        problems = (*_OF_CALLERS, *problems)
        more["security"] = [{KEY: []}]
    success: dict[str, Any] = {"description": summary, "content": answer_body(example)}
    if headers:
        success["headers"] = headers
    return {
        "operation_id": name,
        "summary": summary,
        "tags": [tag],
        "status_code": status,
        "response_class": Response,
        "response_model": None,
        "responses": {status: success, **_problems(*problems)},
        "openapi_extra": more,
    }
