"""Every error that a client sees: application/problem+json (RFC 9457)."""

from collections.abc import Mapping, Sequence
from enum import Enum
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import Response

PROBLEM_JSON = "application/problem+json"
_LONGEST_INSTANCE = 1_000


class ProblemType(Enum):
    """The closed set of what can go wrong: status, name in the `type` URI, title."""

    MALFORMED_JSON = (400, "malformed-json", "The body is not JSON")
    MALFORMED_ENCODING = (400, "malformed-encoding", "The body is not compressed as it says")
    BAD_REQUEST = (400, "bad-request", "The request cannot be understood")
    NOT_FOUND = (404, "not-found", "There is nothing at this address")
    JOB_NOT_FOUND = (404, "job-not-found", "There is no such job")
    METHOD_NOT_ALLOWED = (405, "method-not-allowed", "This address does not take this method")
    BODY_TIMEOUT = (408, "body-timeout", "The body did not arrive in time")
    STATE_CONFLICT = (409, "state-conflict", "The job's state does not allow this")
    UNIQUE_CONFLICT = (409, "unique-conflict", "Another job holds the unique key")
    TOO_LARGE = (413, "too-large", "The request is larger than allowed")
    UNSUPPORTED_MEDIA_TYPE = (415, "unsupported-media-type", "The body must be plain JSON")
    VALIDATION = (422, "validation", "The request is not valid")
    IDEMPOTENCY_MISMATCH = (
        422,
        "idempotency-mismatch",
        "The idempotency key was used for another request",
    )
    BATCH_REFUSED = (422, "batch-refused", "Nothing of the batch was stored")
    INTERNAL = (500, "internal", "Something went wrong inside Treadle")
    TOO_BUSY = (503, "too-busy", "Too much is being done at once")
    STORE_UNAVAILABLE = (503, "store-unavailable", "The store does not answer")

    def __init__(self, status: int, slug: str, title: str) -> None:
        self.status = status
        self.uri = f"/problems/{slug}"
        self.title = title


class FieldError(msgspec.Struct, frozen=True):
    """`field` is the dotted path in the body, or the name of the query parameter."""

    field: str
    message: str


class ProblemBody(msgspec.Struct, kw_only=True, omit_defaults=True):
    """RFC 9457. Only problems of type validation have `errors`, only those of type too-large `limit_bytes`,
    only those of type unique-conflict `holder`, the id of a job."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: tuple[FieldError, ...] = ()
    limit_bytes: int | msgspec.UnsetType = msgspec.UNSET
    outcome_unknown: bool | msgspec.UnsetType = msgspec.UNSET
    holder: str | msgspec.UnsetType = msgspec.UNSET


class Problem(Exception):
    """Ends a request with an error answer."""

    def __init__(
        self,
        kind: ProblemType,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        limit_bytes: int | msgspec.UnsetType = msgspec.UNSET,
        outcome_unknown: bool | msgspec.UnsetType = msgspec.UNSET,
        holder: str | msgspec.UnsetType = msgspec.UNSET,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = headers
        self.limit_bytes = limit_bytes
        self.outcome_unknown = outcome_unknown
        self.holder = holder

    def body(self, instance: str) -> ProblemBody:
        """`instance`: where it happened, as a relative URI."""
        return ProblemBody(
            type=self.kind.uri,
            title=self.kind.title,
            status=self.kind.status,
            detail=self.detail,
            instance=instance,
            errors=self.errors,
            limit_bytes=self.limit_bytes,
            outcome_unknown=self.outcome_unknown,
            holder=self.holder,
        )

    def response(self, request: Request) -> Response:
        body = self.body(quote(request.scope["path"])[:_LONGEST_INSTANCE])
        return Response(
            msgspec.json.encode(body), self.kind.status, self.headers, media_type=PROBLEM_JSON
        )


def invalid(*errors: FieldError) -> Problem:
    """A 422 whose detail already names the first field at fault."""
    first = errors[0]
    detail = f"{first.field}: {first.message}" if first.field else first.message
    return Problem(ProblemType.VALIDATION, detail, errors=errors)
