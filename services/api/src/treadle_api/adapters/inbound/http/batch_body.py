"""A batch as it is sent: its jobs as texts."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec

from treadle_api.adapters.inbound.http.json_text import decode_text
from treadle_api.adapters.inbound.http.problems import FieldError, Problem, invalid
from treadle_api.adapters.inbound.http.unique_names import require_unique_names

_AT_A_STRETCH = 64 * 1024
_LEAST_SIZE = 1_000
"""A short job costs time, too."""
JSON_LINES = "x-ndjson"
MAX_ITEMS = 10_000
MAX_ATOMIC_ITEMS = 1_000
MAX_ATOMIC_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class WholeBatch:
    jobs: Sequence[msgspec.Raw]
    atomic: bool = False


class _Object(msgspec.Struct, forbid_unknown_fields=True):
    jobs: msgspec.Raw
    atomic: bool = False


_OBJECT = msgspec.json.Decoder(_Object)
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_NEITHER = (
    'must be an array of jobs, or {"jobs": [...], "atomic": true or false}; '
    "jobs in lines are application/x-ndjson"
)
_MOST_COMMAS = 200_000
_LONGEST_FRAME = 1_000


def read_whole_batch(body: bytes) -> WholeBatch:
    """Raises Problem."""
    if body.lstrip(b" \t\r\n").startswith(b"["):
        return WholeBatch(_jobs_of(body))
    said = decode_text(_OBJECT, body, _NEITHER)
    jobs = bytes(said.jobs)
    frame = body.replace(jobs, b"[]", 1)
    if len(frame) > _LONGEST_FRAME:
        raise invalid(FieldError("", _NEITHER))
    require_unique_names(frame)
    return WholeBatch(_jobs_of(jobs), said.atomic)


def _jobs_of(array: bytes) -> Sequence[msgspec.Raw]:
    if array.count(b",") > _MOST_COMMAS:
        # A list of millions of texts takes a hundred times their bytes.
        _require_few(array)
    jobs = decode_text(_ARRAY, array, _NEITHER)
    if len(jobs) > MAX_ITEMS:
        raise _too_many()
    return jobs


def _require_few(array: bytes) -> None:
    """Looks no further than the first job too many."""
    try:
        _at_most(MAX_ITEMS).decode(array)
    except msgspec.ValidationError as error:
        if "length" in str(error):
            raise _too_many() from None
    except (msgspec.DecodeError, RecursionError):
        return


@cache
def _at_most(count: int) -> msgspec.json.Decoder[Any]:
    """Bounds of lists are checked when they have been read, those of structs while they are."""
    nothing = msgspec.Raw()
    fields = [(f"_{number}", msgspec.Raw, nothing) for number in range(count)]
    few = msgspec.defstruct("Few", fields, array_like=True, forbid_unknown_fields=True)
    return msgspec.json.Decoder(few)


def _too_many() -> Problem:
    return invalid(FieldError("", f"a batch has at most {MAX_ITEMS} jobs"))


async def texts_of(jobs: Sequence[msgspec.Raw], limit_bytes: int) -> AsyncIterator[bytes | None]:
    """None stands for one that is longer than the limit."""
    for job in jobs:
        yield bytes(job) if len(memoryview(job)) <= limit_bytes else None


async def lines_of(
    pieces: AsyncIterator[bytes], line_limit_bytes: int
) -> AsyncIterator[bytes | None]:
    """Without the empty ones; None stands for one that is longer than the limit and was not kept."""
    line = bytearray()
    async for piece in pieces:
        if not line and piece.isspace():
            continue
        first, *others = piece.split(b"\n")
        line += first[: line_limit_bytes + 1 - len(line)]
        for begun in others:
            if line and not line.isspace():
                yield bytes(line) if len(line) <= line_limit_bytes else None
            line = bytearray(begun[: line_limit_bytes + 1])
    if line and not line.isspace():
        yield bytes(line) if len(line) <= line_limit_bytes else None


async def in_turns(texts: AsyncIterator[bytes | None]) -> AsyncIterator[bytes | None]:
    """Other requests get their turn meanwhile."""
    size = 0
    async for text in texts:
        size += _LEAST_SIZE + len(text or b"")
        if size > _AT_A_STRETCH:
            size = 0
            await asyncio.sleep(0)
        yield text
