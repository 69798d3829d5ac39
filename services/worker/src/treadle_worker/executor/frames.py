"""What a worker and its executor processes tell each other: 4 bytes of length, then a tagged msgpack struct."""

import struct
from collections.abc import Iterator
from enum import StrEnum
from typing import Generic, TypeVar
from uuid import UUID

import msgspec

from treadle.interruption import Interruption

_Frame = TypeVar("_Frame")

_LENGTH = struct.Struct(">I")
_MOST_BYTES = 64 * 1024 * 1024
"""Far more than any frame has: so many are waited for in memory."""


class FailureKind(StrEnum):
    """The part of the domain's kinds that an executor can find; the words are the same."""

    ERROR = "error"
    PERMANENT = "permanent"
    TIMEOUT = "timeout"
    OOM = "oom"


class Run(msgspec.Struct, tag=True, tag_field="frame", array_like=True, frozen=True, kw_only=True):
    number: int
    """They count up from 1 in the order in which they are sent to this process."""
    job_id: UUID
    fence: int
    namespace: str
    queue: str
    type: str
    attempt: int
    max_attempts: int
    timeout_seconds: float
    created_at_us: int
    """Microseconds since 1970-01-01 UTC."""
    metadata: dict[str, str]
    payload: bytes
    """JSON text."""
    checkpoint: bytes | None = None
    """JSON text: what the run before kept."""
    trace_context: str | None = None
    """W3C traceparent, and behind a space the tracestate, if any."""


class Ask(msgspec.Struct, tag=True, tag_field="frame", array_like=True, frozen=True):
    """Asks one run to end: an async handler is cancelled, a sync one can look. Answered by Heard, known run or not."""

    job_id: UUID
    fence: int
    why: Interruption


class Drain(msgspec.Struct, tag=True, tag_field="frame", array_like=True, frozen=True):
    """The worker will stop: `context.interrupted` becomes true everywhere, nothing is cancelled."""


class Stop(msgspec.Struct, tag=True, tag_field="frame", array_like=True, frozen=True):
    """Asks async handlers to end (they are cancelled), awaits sync ones, runs the shutdown hooks, exits."""


class RetryOptions(msgspec.Struct, array_like=True, frozen=True, kw_only=True):
    initial_seconds: float
    maximum_seconds: float
    multiplier: float
    jitter: float


class HandlerOptions(msgspec.Struct, array_like=True, frozen=True, kw_only=True):
    max_attempts: int | None
    timeout_seconds: float | None
    retry: RetryOptions | None
    isolated: bool = False
    memory_mb: int | None = None
    concurrency: int | None = None
    is_async: bool = False


class Ready(msgspec.Struct, tag=True, tag_field="frame", array_like=True, frozen=True):
    handlers: dict[str, HandlerOptions]


class Refused(msgspec.Struct, tag=True, tag_field="frame", array_like=True, frozen=True):
    """The handlers could not be loaded or started; the process exits."""

    reason: str
    traceback: str


class Succeeded(msgspec.Struct, tag=True, tag_field="frame", array_like=True, frozen=True):
    result: bytes
    """JSON text."""


class Failed(
    msgspec.Struct, tag=True, tag_field="frame", array_like=True, frozen=True, kw_only=True
):
    kind: FailureKind
    type: str
    message: str
    traceback: str


class Snoozed(msgspec.Struct, tag=True, tag_field="frame", array_like=True, frozen=True):
    delay_seconds: float


class GivenBack(msgspec.Struct, tag=True, tag_field="frame", array_like=True, frozen=True):
    """It ended unfinished because it was asked to, for another reason than its timeout if its handler was called."""

    unstarted: bool = False


Outcome = Succeeded | Failed | Snoozed | GivenBack


class Ended(msgspec.Struct, tag=True, tag_field="frame", array_like=True, frozen=True):
    job_id: UUID
    fence: int
    outcome: Outcome


class Started(msgspec.Struct, tag=True, tag_field="frame", array_like=True, frozen=True):
    """The handler is called: from now on its timeout counts. Of an async one `LastStarted` tells first, and if it ended
    in the same turn of the loop only its Ended."""

    job_id: UUID
    fence: int


class Heard(msgspec.Struct, tag=True, tag_field="frame", array_like=True, frozen=True):
    """The answer to Ask: the process's loop is not blocked."""

    job_id: UUID
    fence: int


class Told(msgspec.Struct, tag=True, tag_field="frame", array_like=True, frozen=True, kw_only=True):
    """What is new of a run, before its Ended. `fraction` is None when only the checkpoint is new."""

    job_id: UUID
    fence: int
    fraction: float | None = None
    note: str = ""
    checkpoint: bytes | None = None
    """JSON text."""


ToExecutor = Run | Ask | Drain | Stop
ToWorker = Ready | Refused | Started | Heard | Told | Ended

_encode = msgspec.msgpack.Encoder().encode


def packed(frame: ToExecutor | ToWorker) -> bytes:
    body = _encode(frame)
    return _LENGTH.pack(len(body)) + body


class Unpacker(Generic[_Frame]):
    """Cuts a stream of bytes into frames; msgspec.MsgspecError for what is none."""

    def __init__(self, decoder: msgspec.msgpack.Decoder[_Frame]) -> None:
        self._decode = decoder.decode
        self._buffer = bytearray()

    def feed(self, data: bytes | memoryview) -> Iterator[_Frame]:
        self._buffer += data
        start = 0
        with memoryview(self._buffer) as view:
            for body, end in self._bounds():
                yield self._decode(view[body:end])
                start = end
        del self._buffer[:start]

    def _bounds(self) -> Iterator[tuple[int, int]]:
        end, there = 0, len(self._buffer)
        while there - end >= _LENGTH.size:
            body = end + _LENGTH.size
            [length] = _LENGTH.unpack_from(self._buffer, end)
            if length > _MOST_BYTES:
                raise msgspec.DecodeError(f"a frame of {length} bytes")
            end = body + length
            if end > there:
                return
            yield body, end


def from_worker() -> Unpacker[ToExecutor]:
    return Unpacker(msgspec.msgpack.Decoder(ToExecutor))


def from_executor() -> Unpacker[ToWorker]:
    return Unpacker(msgspec.msgpack.Decoder(ToWorker))
