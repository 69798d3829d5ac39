"""The body of a request: read as a stream, and refused as soon as it is known to be too large."""

import asyncio
from collections.abc import AsyncIterator
from typing import NoReturn

from starlette.requests import Request

from treadle_api.adapters.inbound.http.problems import Problem, ProblemType

_DEADLINE_SECONDS = 30.0
_DRAINED_BYTES = 8 * 1024 * 1024
_DRAIN_DEADLINE_SECONDS = 2.0


async def read_json_body(request: Request, limit_bytes: int) -> bytes:
    """At most `limit_bytes` are ever held. Raises Problem."""
    _require_json(request)
    chunks = request.stream()
    if _declared_length(request) > limit_bytes:
        await _refuse(request, chunks, limit_bytes)
    body = bytearray()
    try:
        async with asyncio.timeout(_DEADLINE_SECONDS):
            async for chunk in chunks:
                body += chunk
                if len(body) > limit_bytes:
                    await _refuse(request, chunks, limit_bytes)
    except TimeoutError:
        detail = f"The body must arrive within {_DEADLINE_SECONDS:.0f} seconds."
        raise Problem(ProblemType.BODY_TIMEOUT, detail, headers=_CLOSE) from None
    return bytes(body)


_CLOSE = {"Connection": "close"}


def _require_json(request: Request) -> None:
    # Without this check any web page could post jobs to a local Treadle: browsers ask first for JSON only.
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    kind, _, subtype = media_type.partition("/")
    if kind != "application" or not (subtype == "json" or subtype.endswith("+json")):
        detail = "Send the header Content-Type: application/json."
        raise Problem(
            ProblemType.UNSUPPORTED_MEDIA_TYPE, detail, headers={"Accept": "application/json"}
        )
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        detail = "Send the body without Content-Encoding."
        raise Problem(
            ProblemType.UNSUPPORTED_MEDIA_TYPE, detail, headers={"Accept-Encoding": "identity"}
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
