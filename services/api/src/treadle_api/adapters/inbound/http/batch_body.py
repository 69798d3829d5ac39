"""A batch as it is sent: its jobs as texts."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import msgspec

from treadle_api.adapters.inbound.http.json_text import decode_text
from treadle_api.adapters.inbound.http.problems import FieldError, Problem, invalid

_AT_A_STRETCH = 50
JSON_LINES = "x-ndjson"
MAX_ITEMS = 10_000
MAX_ATOMIC_ITEMS = 1_000
MAX_ATOMIC_BYTES = 8 * 1024 * 1024


class WholeBatch(msgspec.Struct, forbid_unknown_fields=True):
    jobs: list[msgspec.Raw]
    atomic: bool = False


_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_OBJECT = msgspec.json.Decoder(WholeBatch)
_NEITHER = 'must be an array of jobs, or {"jobs": [...], "atomic": true or false}'


def read_whole_batch(body: bytes) -> WholeBatch:
    """Raises Problem."""
    if body.lstrip(b" \t\r\n").startswith(b"["):
        whole = WholeBatch(decode_text(_ARRAY, body, _NEITHER))
    else:
        whole = decode_text(_OBJECT, body, _NEITHER)
    if len(whole.jobs) > MAX_ITEMS:
        raise _too_many()
    return whole


def _too_many() -> Problem:
    return invalid(FieldError("", f"a batch has at most {MAX_ITEMS} jobs"))


async def texts_of(jobs: Sequence[msgspec.Raw], limit_bytes: int) -> AsyncIterator[bytes | None]:
    """None stands for one that is longer than the limit. Other requests get their turn meanwhile."""
    for number, job in enumerate(jobs):
        if number % _AT_A_STRETCH == 0:
            await asyncio.sleep(0)
        yield bytes(job) if len(memoryview(job)) <= limit_bytes else None


async def lines_of(
    pieces: AsyncIterator[bytes], line_limit_bytes: int
) -> AsyncIterator[bytes | None]:
    """Without the empty ones; None stands for one that is longer than the limit and was not kept."""
    rest, is_too_long = b"", False
    async for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if is_too_long or len(line) > line_limit_bytes:
                yield None
            elif line.strip():
                yield line
            is_too_long = False
        if is_too_long or len(rest) > line_limit_bytes:
            rest, is_too_long = b"", True
    if is_too_long:
        yield None
    elif rest.strip():
        yield rest
