"""The text of a job, alone or in a batch."""

from datetime import timedelta
from typing import Annotated, TypeVar
from uuid import UUID

import msgspec
from msgspec import Meta

from treadle_api.adapters.inbound.http.idempotency_key import idempotency_of
from treadle_api.adapters.inbound.http.json_text import fields_of, require_shallow, value_of
from treadle_api.adapters.inbound.http.problems import FieldError, Problem, invalid
from treadle_api.adapters.inbound.http.schemas import SHORTEST_SECONDS, read_job
from treadle_api.adapters.inbound.http.unique_names import require_unique_names
from treadle_domain.bounds import MAX_DELAY, MAX_TIMEOUT
from treadle_domain.errors import InvalidValue
from treadle_domain.idempotency import Idempotency
from treadle_domain.run_policy import UNSAID, RunOptions
from treadle_domain.stored_job import NewJob
from treadle_domain.submission import Submission

_KEY = "idempotency_key"


class _PlainJob(msgspec.Struct, forbid_unknown_fields=True):
    """All that most jobs say; names and counts are checked by the domain."""

    type: str
    payload: msgspec.Raw = msgspec.Raw(b"null")
    queue: str = "default"
    priority: int = 0
    delay_seconds: Annotated[float, Meta(ge=0, le=MAX_DELAY.total_seconds())] | None = None
    max_attempts: int | None = None
    timeout_seconds: (
        Annotated[float, Meta(ge=SHORTEST_SECONDS, le=MAX_TIMEOUT.total_seconds())] | None
    ) = None
    metadata: dict[str, str] = {}


class _PlainItem(_PlainJob):
    idempotency_key: str | None = None


_Plain = TypeVar("_Plain", bound=_PlainJob)

_JOB = msgspec.json.Decoder(_PlainJob)
_ITEM = msgspec.json.Decoder(_PlainItem)
_NOT_PLAIN = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, InvalidValue, Problem)
"""It says something rare, or something is wrong: the schema knows what."""


def read_alone(
    text: bytes, job_id: UUID, namespace: str, payload_limit_bytes: int, key: str | None = None
) -> NewJob:
    """`key`: that came beside it. Raises Problem with every field at fault, InvalidValue."""
    try:
        job = _decode(_JOB, text, payload_limit_bytes)
        idempotency = None if key is None else idempotency_of(key, fields_of(text))
        return _new_job(job, job_id, namespace, idempotency)
    except _NOT_PLAIN:
        return read_job(fields_of(text), payload_limit_bytes, key).new_job(job_id, namespace)


def read_item(text: bytes, job_id: UUID, namespace: str, payload_limit_bytes: int) -> NewJob:
    """As `read_alone`; its key is among its fields."""
    try:
        item = _decode(_ITEM, text, payload_limit_bytes)
        key = item.idempotency_key
        idempotency = None if key is None else idempotency_of(key, _without_key(text)[0])
        return _new_job(item, job_id, namespace, idempotency)
    except _NOT_PLAIN:
        fields, key = _without_key(text)
        return read_job(fields, payload_limit_bytes, key).new_job(job_id, namespace)


def _decode(decoder: msgspec.json.Decoder[_Plain], text: bytes, payload_limit_bytes: int) -> _Plain:
    text.decode()
    plain = decoder.decode(text)
    payload = memoryview(plain.payload)
    if len(payload) > payload_limit_bytes:
        raise InvalidValue("payload", "is too large")
    require_shallow("payload", bytes(payload))
    require_unique_names(text)
    return plain


def _new_job(
    plain: _PlainJob, job_id: UUID, namespace: str, idempotency: Idempotency | None
) -> NewJob:
    delay = plain.delay_seconds
    submission = Submission(
        id=job_id,
        namespace=namespace,
        queue=plain.queue,
        type=plain.type,
        priority=plain.priority,
        delay=None if delay is None else timedelta(seconds=delay),
        options=_options(plain),
        metadata=plain.metadata,
        idempotency=idempotency,
    )
    return NewJob(submission=submission, payload=bytes(plain.payload))


def _options(plain: _PlainJob) -> RunOptions:
    timeout = plain.timeout_seconds
    if timeout is None and plain.max_attempts is None:
        return UNSAID
    return RunOptions(
        max_attempts=plain.max_attempts,
        timeout=None if timeout is None else timedelta(seconds=timeout),
    )


def _without_key(text: bytes) -> tuple[dict[str, msgspec.Raw], str | None]:
    fields = fields_of(text)
    key = value_of(_KEY, fields.pop(_KEY)) if _KEY in fields else None
    if key is not None and not isinstance(key, str):
        raise invalid(FieldError(_KEY, "must be text"))
    return fields, key
