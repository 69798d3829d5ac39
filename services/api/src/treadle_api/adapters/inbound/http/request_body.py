"""The body of a request: read as a stream, and refused as soon as it is known to be too large."""

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import NoReturn

from starlette.requests import ClientDisconnect, Request

from treadle_api.adapters.inbound.http.content_encoding import decoder_of
from treadle_api.adapters.inbound.http.problems import Problem, ProblemType

_DEADLINE_SECONDS = 30.0
_DRAINED_BYTES = 8 * 1024 * 1024
_DRAIN_DEADLINE_SECONDS = 2.0
_COMPRESSION_BYTES = 64 * 1024
"""By which gzip may make a body longer."""


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """At most `limit_bytes` are ever held, however well they were compressed. Raises Problem."""
    if "content-encoding" not in request.headers and 0 < _declared_length(request) <= limit_bytes:
        return await _read_declared(request)
    body = bytearray()
    async for piece in body_pieces(request, limit_bytes):
        body += piece
    return bytes(body)


async def _read_declared(request: Request) -> bytes:
    """The server passes on as many bytes as were declared: mostly they are there already, in one piece."""
    pieces: list[bytes] = []
    try:
        async with asyncio.timeout(_DEADLINE_SECONDS):
            while (message := await request.receive())["type"] == "http.request":
                pieces.append(message["body"])
                if not message.get("more_body", False):
                    return b"".join(pieces)
    except TimeoutError:
        raise _too_slow() from None
    raise ClientDisconnect


async def body_pieces(
    request: Request,
    limit_bytes: int | None,
    deadline_seconds: float = _DEADLINE_SECONDS,
    pause_seconds: float = _DEADLINE_SECONDS,
) -> AsyncIterator[bytes]:
    """The body as it was before it was compressed, in pieces of bounded size. Raises Problem, also if it stands still
    for longer than a pause."""
    decoder = decoder_of(request.headers.get("content-encoding", ""))
    chunks = request.stream()
    if limit_bytes is None:
        limit_bytes = sys.maxsize
    if _declared_length(request) > limit_bytes + _COMPRESSION_BYTES:
        await _refuse(request, chunks, limit_bytes)
    now = asyncio.get_running_loop().time
    deadline = now() + deadline_seconds
    received = decoded = 0
    while (chunk := await _next_of(chunks, min(deadline, now() + pause_seconds))) is not None:
        received += len(chunk)
        for number, piece in enumerate(decoder.decode(chunk)):
            decoded += len(piece)
            if decoded > limit_bytes:
                break
            if number:
                await asyncio.sleep(
                    0
                )  # A thousand pieces can be in a chunk: other requests get their turn.
            yield piece
        if decoded > limit_bytes or received > limit_bytes + _COMPRESSION_BYTES:
            await _refuse(request, chunks, limit_bytes)
    decoder.finish()


async def _next_of(chunks: AsyncIterator[bytes], deadline: float) -> bytes | None:
    """None at the end."""
    try:
        async with asyncio.timeout_at(deadline):
            return await anext(chunks, None)
    except TimeoutError:
        raise _too_slow() from None


def _too_slow() -> Problem:
    detail = "The rest of the body did not arrive in time."
    return Problem(ProblemType.BODY_TIMEOUT, detail, headers=_CLOSE)


_CLOSE = {"Connection": "close"}


def require_media_type(request: Request, *subtypes: str) -> str:
    """Returns the one that it is, of application/…; JSON may also be the suffix of another one. Raises Problem."""
    # Without this check any web page could post jobs to a local Treadle: browsers ask first for JSON only.
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    kind, _, subtype = media_type.partition("/")
    if subtype.endswith("+json"):
        subtype = "json"
    if kind == "application" and subtype in subtypes:
        return subtype
    accepted = [f"application/{each}" for each in subtypes]
    raise Problem(
        ProblemType.UNSUPPORTED_MEDIA_TYPE,
        f"Send the header Content-Type: {' or '.join(accepted)}.",
        headers={"Accept": ", ".join(accepted)},
    )


def _declared_length(request: Request) -> int:
    declared = request.headers.get("content-length", "")
    return int(declared) if declared.isascii() and declared.isdigit() else 0


async def _refuse(request: Request, chunks: AsyncIterator[bytes], limit_bytes: int) -> NoReturn:
    if "expect" not in request.headers:
        await _drain(chunks)
    raise Problem(
        ProblemType.TOO_LARGE,
        f"The body is larger than {limit_bytes} bytes.",
        headers=_CLOSE,
        limit_bytes=limit_bytes,
    )


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    """Closing on a client that still sends resets the connection, and it would not see the answer."""
    drained = 0
    try:
        async with asyncio.timeout(_DRAIN_DEADLINE_SECONDS):
            async for chunk in chunks:
                drained += len(chunk)
                if drained > _DRAINED_BYTES:
                    return
    except TimeoutError:
        return
