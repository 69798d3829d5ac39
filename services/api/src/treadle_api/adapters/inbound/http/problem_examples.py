"""Each problem as a client may meet it: for the OpenAPI document, and for the page at its `type` URI."""

from collections.abc import Mapping

from msgspec.structs import asdict

from treadle_api.adapters.inbound.http.batch_answers import (
    NOT_STORED,
    PATH,
    BatchRefusedBody,
    ItemAnswer,
    ItemStatus,
)
from treadle_api.adapters.inbound.http.problems import (
    FieldError,
    Problem,
    ProblemBody,
    ProblemType,
)

JOB_ID = "01981f3c-7a52-7c4e-9b1d-2f60c8a4e713"

_PROBLEMS = [
    Problem(ProblemType.MALFORMED_JSON, "Not JSON: trailing comma in object (byte 27)."),
    Problem(ProblemType.MALFORMED_ENCODING, "Not gzip: its end is missing."),
    Problem(ProblemType.BAD_REQUEST, "The client went away."),
    Problem(
        ProblemType.UNAUTHENTICATED,
        "Send the header Authorization: Bearer trd_… with a key that counts.",
    ),
    Problem(
        ProblemType.FORBIDDEN,
        "This key may not do that: it takes one with the role operate.",
    ),
    Problem(ProblemType.KEY_NOT_FOUND, "There is no key 5f0c9a7be3d14821."),
    Problem(ProblemType.NOT_FOUND, "No route has this path."),
    Problem(ProblemType.JOB_NOT_FOUND, f"There is no job {JOB_ID}."),
    Problem(ProblemType.METHOD_NOT_ALLOWED, "PUT is not possible here, only GET."),
    Problem(ProblemType.BODY_TIMEOUT, "The rest of the body did not arrive in time."),
    Problem(ProblemType.STATE_CONFLICT, "A job that is SUCCESS cannot cancel."),
    Problem(
        ProblemType.UNIQUE_CONFLICT,
        f"Job {JOB_ID} holds the unique key summary:orders.",
        holder=JOB_ID,
    ),
    Problem(
        ProblemType.TOO_LARGE, "payload is larger than 1048576 bytes.", limit_bytes=1024 * 1024
    ),
    Problem(ProblemType.UNSUPPORTED_MEDIA_TYPE, "Send the header Content-Type: application/json."),
    Problem(
        ProblemType.VALIDATION,
        "priority: Input should be less than or equal to 9",
        errors=[FieldError("priority", "Input should be less than or equal to 9")],
    ),
    Problem(
        ProblemType.IDEMPOTENCY_MISMATCH,
        "The key invoice-2031 stands for a request that said something else. Use a new key for each job.",
    ),
    Problem(
        ProblemType.TOO_BUSY, "Too many batches are being read. Nothing was stored; try again."
    ),
    Problem(ProblemType.RATE_LIMITED, "More than 100 requests a second. Nothing was done."),
    Problem(ProblemType.INTERNAL, "The fault was logged."),
    Problem(
        ProblemType.STORE_UNAVAILABLE,
        "The store cannot be reached. Nothing was changed; try again soon.",
        outcome_unknown=False,
    ),
]
_REFUSED = Problem(ProblemType.BATCH_REFUSED, "1 of 2 jobs were refused.")
_BODIES = {problem.kind: problem.body("/v1/jobs") for problem in _PROBLEMS}
PROBLEMS: Mapping[ProblemType, ProblemBody] = {
    **_BODIES,
    ProblemType.BATCH_REFUSED: BatchRefusedBody(
        **asdict(_REFUSED.body(PATH)),
        results=[
            ItemAnswer(status=ItemStatus.INVALID, problem=_BODIES[ProblemType.VALIDATION]),
            NOT_STORED,
        ],
    ),
}
