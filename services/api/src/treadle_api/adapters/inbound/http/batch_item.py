"""One job of a batch."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from treadle_api.adapters.inbound.http.json_text import fields_of, require_shallow, value_of
from treadle_api.adapters.inbound.http.problems import FieldError, Problem, invalid
from treadle_api.adapters.inbound.http.schemas import SHORTEST_SECONDS, read_job
from treadle_api.adapters.inbound.http.unique_names import require_unique_names
from treadle_domain.bounds import MAX_DELAY, MAX_TIMEOUT
from treadle_domain.errors import InvalidValue
from treadle_domain.run_policy import UNSAID, RunOptions
from treadle_domain.stored_job import NewJob
from treadle_domain.submission import Submission

KEY = "idempotency_key"


class _PlainItem(msgspec.Struct, forbid_unknown_fields=True):
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


_PLAIN = msgspec.json.Decoder(_PlainItem)
_NOT_PLAIN = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, InvalidValue, Problem)


def read_item(text: bytes, job_id: UUID, namespace: str, payload_limit_bytes: int) -> NewJob:
    """Raises Problem with every field at fault, InvalidValue."""
    try:
        return _read_plain(text, job_id, namespace, payload_limit_bytes)
    except _NOT_PLAIN:
        # It says something rare, or something is wrong: the schema of single jobs knows what.
        return _read_any(text, job_id, namespace, payload_limit_bytes)


def _read_plain(text: bytes, job_id: UUID, namespace: str, payload_limit_bytes: int) -> NewJob:
    text.decode()
    item = _PLAIN.decode(text)
    payload = bytes(item.payload)
    if len(payload) > payload_limit_bytes:
        raise InvalidValue("payload", "is too large")
    require_shallow("payload", payload)
    require_unique_names(text)
    submission = Submission(
        id=job_id,
        namespace=namespace,
        queue=item.queue,
        type=item.type,
        priority=item.priority,
        delay=None if item.delay_seconds is None else timedelta(seconds=item.delay_seconds),
        options=_options(item),
        metadata=item.metadata,
    )
    return NewJob(submission=submission, payload=payload)


def _options(item: _PlainItem) -> RunOptions:
    timeout = item.timeout_seconds
    if timeout is None and item.max_attempts is None:
        return UNSAID
    return RunOptions(
        max_attempts=item.max_attempts,
        timeout=None if timeout is None else timedelta(seconds=timeout),
    )


def _read_any(text: bytes, job_id: UUID, namespace: str, payload_limit_bytes: int) -> NewJob:
    fields = fields_of(text)
    key = None if KEY not in fields else value_of(KEY, fields.pop(KEY))
    if key is not None and not isinstance(key, str):
        raise invalid(FieldError(KEY, "must be text"))
    return read_job(fields, payload_limit_bytes, key).new_job(job_id, namespace)
