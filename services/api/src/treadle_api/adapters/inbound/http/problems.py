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
    """The closed set of what can go wrong: status, name in the `type` URI, title, and what a client does about it."""

    MALFORMED_JSON = (
        400,
        "malformed-json",
        "The body is not JSON",
        "The body must be one JSON value as RFC 8259 has it. The detail names the place; send it again as JSON.",
    )
    MALFORMED_ENCODING = (
        400,
        "malformed-encoding",
        "The body is not compressed as it says",
        "Content-Encoding says gzip, and the body is something else or ends too early. Send it whole, or as it is.",
    )
    BAD_REQUEST = (
        400,
        "bad-request",
        "The request cannot be understood",
        "The request is not HTTP as it should be. The detail says what is wrong with it.",
    )
    UNAUTHENTICATED = (
        401,
        "unauthenticated",
        "No key that counts was shown",
        "Send Authorization: Bearer and a key. It was missing, mistyped or revoked; whoever runs Treadle makes keys.",
    )
    FORBIDDEN = (
        403,
        "forbidden",
        "The key does not allow this",
        "The detail says which role or queue the key lacks. Whoever runs Treadle makes one that has it.",
    )
    KEY_NOT_FOUND = (
        404,
        "key-not-found",
        "There is no such key",
        "The id is none of a key of your namespace. GET /v1/keys lists them.",
    )
    NOT_FOUND = (
        404,
        "not-found",
        "There is nothing at this address",
        "No operation has this path. All of them are in /openapi.json, readable at /docs.",
    )
    JOB_NOT_FOUND = (
        404,
        "job-not-found",
        "There is no such job",
        "The id is none of a job that you may see. Look for a typing error; ids come with the answer to a submit.",
    )
    METHOD_NOT_ALLOWED = (
        405,
        "method-not-allowed",
        "This address does not take this method",
        "The header Allow names the methods that it takes.",
    )
    BODY_TIMEOUT = (
        408,
        "body-timeout",
        "The body did not arrive in time",
        "A body has 30 seconds; a batch in lines has ten minutes, but may not stand still for 30 seconds. Nothing was "
        "done with what did not arrive: send it again.",
    )
    STATE_CONFLICT = (
        409,
        "state-conflict",
        "The job's state does not allow this",
        "What is final cannot be cancelled, and only a failed or cancelled job can be retried. Read the job again.",
    )
    UNIQUE_CONFLICT = (
        409,
        "unique-conflict",
        "Another job holds the unique key",
        "`holder` is the id of the job that holds it. Wait for its end, or submit with on_conflict return_existing.",
    )
    TOO_LARGE = (
        413,
        "too-large",
        "The request is larger than allowed",
        "`limit_bytes` is the most that is taken, counted before compression. Keep large data elsewhere and submit "
        "its address.",
    )
    UNSUPPORTED_MEDIA_TYPE = (
        415,
        "unsupported-media-type",
        "The body must be plain JSON",
        "Say Content-Type: application/json, and no Content-Encoding but gzip.",
    )
    VALIDATION = (
        422,
        "validation",
        "The request is not valid",
        "`errors` names each field or parameter at fault and what it must be. Nothing was done; mend them and send "
        "the request again.",
    )
    IDEMPOTENCY_MISMATCH = (
        422,
        "idempotency-mismatch",
        "The idempotency key was used for another request",
        "A key stands for one request. Repeat that one unchanged, or take a new key for each job that you want.",
    )
    RATE_LIMITED = (
        429,
        "rate-limited",
        "The caller asks for too much",
        "Nothing was done. Try again after as many seconds as Retry-After says; RateLimit-Policy tells the limit.",
    )
    INTERNAL = (
        500,
        "internal",
        "Something went wrong inside Treadle",
        "This is a fault of Treadle; its log tells more. Look at the job before you repeat what you asked for.",
    )
    STORE_UNAVAILABLE = (
        503,
        "store-unavailable",
        "The store does not answer",
        "Try again after as many seconds as Retry-After says. If `outcome_unknown` is true what you asked for may "
        "have been done: repeat a submit only with the Idempotency-Key that it had.",
    )
    BATCH_REFUSED = (
        422,
        "batch-refused",
        "Nothing of the batch was stored",
        "The batch is atomic and some of its jobs were refused; `results` says which and why. Mend them and repeat.",
    )
    TOO_BUSY = (
        503,
        "too-busy",
        "Too much is being done at once",
        "Nothing was done. Try again after as many seconds as Retry-After says.",
    )

    def __init__(self, status: int, slug: str, title: str, advice: str) -> None:
        self.status = status
        self.slug = slug
        self.uri = f"/problems/{slug}"
        self.title = title
        self.advice = advice


class FieldError(msgspec.Struct, frozen=True):
    """`field` is the dotted path in the body, or the name of the query parameter."""

    field: str
    message: str


class ProblemBody(msgspec.Struct, kw_only=True, omit_defaults=True):
    """RFC 9457; `type` is the address of a page about it. Only problems of type validation have `errors`, only those of
    type too-large `limit_bytes`, only those of type unique-conflict `holder`, the id of a job."""

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
