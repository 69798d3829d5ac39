"""http.request: one HTTP request, told apart by whether trying again can help."""

from dataclasses import dataclass, field
from typing import Literal

import httpx

from treadle import Handlers, Permanent

handlers = Handlers()

_MAX_BODY_BYTES = 65_536
_TOO_MANY_REQUESTS = 429

_NEVER_SENT = (
    httpx.InvalidURL,
    httpx.LocalProtocolError,
    httpx.UnsupportedProtocol,
    UnicodeEncodeError,
)

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class RequestRejected(Permanent):
    """A status of 4xx: the same request would be rejected again."""


class ServerTroubled(Exception):
    """A status of 5xx or 429: a later attempt may fare better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """`timeout_seconds` bounds connecting and each read or write, not the whole: that is the job's own timeout."""

    url: str
    method: Method = "GET"
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None
    timeout_seconds: float = 30.0
    follow_redirects: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.timeout_seconds <= 3_600:
            raise ValueError("timeout_seconds must be above 0 and at most 3600")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """`body` is the first 64 KiB, decoded by the response's charset, or as UTF-8 if that is unknown."""

    status: int
    headers: dict[str, str]
    body: str


@handlers.register("http.request")
async def request(payload: HttpRequest) -> HttpResponse:
    """Timeouts and broken connections leave as httpx raises them, and are tried again."""
    try:
        return await _sent(payload)
    except _NEVER_SENT as problem:
        raise Permanent(f"{payload.url!r} cannot be requested: {problem}") from problem


async def _sent(payload: HttpRequest) -> HttpResponse:
    async with httpx.AsyncClient(timeout=payload.timeout_seconds) as client:
        async with client.stream(
            payload.method,
            payload.url,
            headers=payload.headers,
            content=payload.body,
            follow_redirects=payload.follow_redirects,
        ) as response:
            _check(response)
            body = await _beginning(response)
            return HttpResponse(
                status=response.status_code,
                headers=dict(response.headers),
                body=_text(body, response.charset_encoding or "utf-8"),
            )


def _check(response: httpx.Response) -> None:
    said = f"{response.request.url} answered {response.status_code} {response.reason_phrase}"
    if response.status_code == _TOO_MANY_REQUESTS or response.is_server_error:
        raise ServerTroubled(said)
    if response.is_client_error:
        raise RequestRejected(said)


def _text(body: bytes, charset: str) -> str:
    try:
        return body.decode(charset, "replace")
    except (LookupError, UnicodeError):
        # The server answered: a charset that it made up is no reason to send the request again.
        return body.decode("utf-8", "replace")


async def _beginning(response: httpx.Response) -> bytes:
    """Reads no further than it keeps: the body may have no end."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) >= _MAX_BODY_BYTES:
            break
    return bytes(body[:_MAX_BODY_BYTES])
