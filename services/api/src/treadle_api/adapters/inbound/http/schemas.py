"""What clients may say, as pydantic models: they validate, and the OpenAPI document is made of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self
from uuid import UUID

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from treadle_api.adapters.inbound.http.idempotency_key import idempotency_of
from treadle_api.adapters.inbound.http.json_text import require_shallow, value_of
from treadle_api.adapters.inbound.http.problems import FieldError, Problem, ProblemType, invalid
from treadle_domain.api_key import MAX_QUEUES, MAX_RATE
from treadle_domain.bounds import (
    KEY_PATTERN,
    MAX_ATTEMPTS,
    MAX_DELAY,
    MAX_METADATA_PAIRS,
    MAX_METADATA_VALUE_CHARS,
    MAX_PRIORITY,
    MAX_TIMEOUT,
    NAME_PATTERN,
    printable,
)
from treadle_domain.idempotency import Idempotency
from treadle_domain.retry_policy import MAX_MULTIPLIER, RetryPolicy
from treadle_domain.run_policy import RunOptions
from treadle_domain.stored_job import NewJob
from treadle_domain.submission import Submission
from treadle_domain.uniqueness import OnConflict, Uniqueness, UniqueScope

BESIDE_PAYLOAD_BYTES = 128 * 1024
"""The largest metadata, all in escapes, and the other fields fit in."""
SHORTEST_SECONDS = 0.001
_MAX_ERRORS = 20
_LONGEST_FIELD = 140
_FIRST_YEAR = 1970
_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", flags=re.ASCII
)


def read_time(value: object) -> datetime:
    """Raises ValueError with a sentence for people."""
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise ValueError("must be an RFC 3339 time with a zone, such as 2030-01-31T12:00:00Z")
    try:
        moment = datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is not a date and time that exists") from None
    if moment.year < _FIRST_YEAR:
        raise ValueError(f"must not lie before {_FIRST_YEAR}")
    return moment


_DEFAULT_RETRY = RetryPolicy()

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
MetadataValue = Annotated[str, Field(max_length=MAX_METADATA_VALUE_CHARS)]
Time = Annotated[datetime, BeforeValidator(read_time, json_schema_input_type=datetime)]
Delay = Annotated[float, Field(ge=SHORTEST_SECONDS, le=MAX_DELAY.total_seconds())]


class _Strict(BaseModel):
    """No conversions, no fields that nobody reads."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class RetryRequest(_Strict):
    """Exponential: the delay before attempt n + 1 is initial x multiplier^(n - 1), never above maximum."""

    initial_seconds: Delay = _DEFAULT_RETRY.initial.total_seconds()
    maximum_seconds: Delay = _DEFAULT_RETRY.maximum.total_seconds()
    multiplier: Annotated[float, Field(ge=1, le=MAX_MULTIPLIER)] = _DEFAULT_RETRY.multiplier
    jitter: Annotated[float, Field(ge=0, le=1)] = _DEFAULT_RETRY.jitter

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.initial_seconds > self.maximum_seconds:
            raise ValueError("initial_seconds must not be above maximum_seconds")
        return self

    def policy(self) -> RetryPolicy:
        return RetryPolicy(
            initial=timedelta(seconds=self.initial_seconds),
            maximum=timedelta(seconds=self.maximum_seconds),
            multiplier=self.multiplier,
            jitter=self.jitter,
        )


class UniqueRequest(_Strict):
    """One job at a time for a key. `seconds` is how long a window lasts."""

    key: Annotated[str, Field(pattern=KEY_PATTERN)]
    scope: Annotated[
        Literal["pending", "active", "window"],
        Field(description="until the first start, until the end, or for `seconds`"),
    ] = "active"
    seconds: Annotated[float | None, Field(ge=SHORTEST_SECONDS, le=MAX_DELAY.total_seconds())] = (
        None
    )
    on_conflict: Annotated[
        Literal["return_existing", "reject", "replace_payload"],
        Field(description="replace_payload: while the other job never ran, else it is returned"),
    ] = "return_existing"

    @model_validator(mode="after")
    def _seconds_of_a_window(self) -> Self:
        if (self.seconds is not None) != (self.scope == "window"):
            raise ValueError("seconds must be given with the scope window, and only then")
        return self

    def uniqueness(self) -> Uniqueness:
        window = None if self.seconds is None else timedelta(seconds=self.seconds)
        return Uniqueness(key=self.key, scope=UniqueScope(self.scope), window=window)


class JobRequest(_Strict):
    """A job to be run. What is left out is decided by the handler, else by Treadle's defaults."""

    type: Name
    payload: Annotated[Any, Field(description="any JSON; kept byte for byte")] = None
    queue: Name = "default"
    priority: Annotated[int, Field(ge=0, le=MAX_PRIORITY, description="9 runs first")] = 0
    run_at: Annotated[Time | None, Field(description="not before; not with delay_seconds")] = None
    delay_seconds: Annotated[
        float | None, Field(ge=0, le=MAX_DELAY.total_seconds(), description="not with run_at")
    ] = None
    expires_at: Annotated[
        Time | None, Field(description="if not started by then the job ends FAILED (expired)")
    ] = None
    max_attempts: Annotated[int | None, Field(ge=1, le=MAX_ATTEMPTS)] = None
    timeout_seconds: Annotated[
        float | None,
        Field(ge=SHORTEST_SECONDS, le=MAX_TIMEOUT.total_seconds(), description="of one run"),
    ] = None
    retry: RetryRequest | None = None
    unique: UniqueRequest | None = None
    metadata: Annotated[
        dict[Name, MetadataValue],
        Field(max_length=MAX_METADATA_PAIRS, description="lists can be filtered by it"),
    ] = {}


class KeyRequest(_Strict):
    """A key to be made, of the namespace of whoever makes it."""

    name: Annotated[Name, Field(description="a label for people")]
    roles: Annotated[
        list[Literal["submit", "read", "operate", "admin"]], Field(min_length=1, max_length=4)
    ]
    queues: Annotated[
        list[Name] | None, Field(min_length=1, max_length=MAX_QUEUES, description="unsaid: all")
    ] = None
    rate_limit_per_second: Annotated[
        int | None, Field(ge=1, le=MAX_RATE, description="requests; unsaid: as the server is set")
    ] = None


class BatchJobRequest(JobRequest):
    """A job of a batch. With `idempotency_key` it can be sent again, alone or in another batch."""

    idempotency_key: Annotated[str | None, Field(pattern=KEY_PATTERN)] = None


@dataclass(frozen=True, slots=True)
class ReceivedJob:
    """A valid request and its payload as it was sent."""

    asked: JobRequest
    payload: bytes
    idempotency: Idempotency | None = None

    @property
    def on_conflict(self) -> OnConflict:
        unique = self.asked.unique
        return OnConflict.RETURN_EXISTING if unique is None else OnConflict(unique.on_conflict)

    def new_job(self, job_id: UUID, namespace: str) -> NewJob:
        asked = self.asked
        delay, timeout = asked.delay_seconds, asked.timeout_seconds
        options = RunOptions(
            max_attempts=asked.max_attempts,
            timeout=None if timeout is None else timedelta(seconds=timeout),
            retry=None if asked.retry is None else asked.retry.policy(),
        )
        submission = Submission(
            id=job_id,
            namespace=namespace,
            queue=asked.queue,
            type=asked.type,
            priority=asked.priority,
            run_at=asked.run_at,
            delay=None if delay is None else timedelta(seconds=delay),
            expires_at=asked.expires_at,
            options=options,
            metadata=asked.metadata,
            idempotency=self.idempotency,
            unique=None if asked.unique is None else asked.unique.uniqueness(),
            on_conflict=self.on_conflict,
        )
        return NewJob(submission=submission, payload=self.payload)


def read_job(
    fields: Mapping[str, msgspec.Raw], payload_limit_bytes: int, key: str | None = None
) -> ReceivedJob:
    """Raises Problem with every field at fault, up to a number."""
    payload = bytes(fields.get("payload", b"null"))
    if len(payload) > payload_limit_bytes:
        detail = f"payload is larger than {payload_limit_bytes} bytes."
        raise Problem(ProblemType.TOO_LARGE, detail, limit_bytes=payload_limit_bytes)
    require_shallow("payload", payload)
    unknown = [name for name in fields if name not in JobRequest.model_fields]
    if unknown:
        # Their values stay unread: a body may hold very many.
        raise invalid(
            *(FieldError(_shown(n), "is not a field of a job") for n in unknown[:_MAX_ERRORS])
        )
    said = {name: value_of(name, raw) for name, raw in fields.items() if name != "payload"}
    idempotency = None if key is None else idempotency_of(key, fields)
    try:
        return ReceivedJob(JobRequest.model_validate(said), payload, idempotency)
    except ValidationError as error:
        raise invalid_fields(error) from None


def invalid_fields(error: ValidationError) -> Problem:
    details = error.errors(include_url=False, include_context=False, include_input=False)
    return invalid(*map(_field_error, details[:_MAX_ERRORS]))


def _field_error(detail: ErrorDetails) -> FieldError:
    # pydantic appends [key] where a key of a mapping is at fault: the path names that key already.
    path = ".".join(str(part) for part in detail["loc"] if part != "[key]")
    return FieldError(_shown(path), detail["msg"].removeprefix("Value error, "))


def _shown(field: str) -> str:
    return printable(field[:_LONGEST_FIELD])
