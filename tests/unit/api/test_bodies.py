"""What POST /v1/jobs takes for a body, and what it refuses before it looks at any field."""

from collections.abc import AsyncIterator

import pytest
from tests.unit.api.conftest import PAYLOAD_LIMIT_BYTES, Api

BODY_LIMIT_BYTES = PAYLOAD_LIMIT_BYTES + 128 * 1024


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "ends too early"),
        (b"{", "ends too early"),
        (b'{"type":"echo"', "ends too early"),
        (b'{"type":"echo",}', "byte 15"),
        (b'{"type":"echo"}}', "trailing characters"),
        (b"{'type':1}", "byte 1"),
        (b'{"type":"echo","payload":01}', "byte 26"),
        (b'{"type":"echo","payload":[1,2}', "byte 29"),
        (b'{"type":"echo","payload":"\x00"}', "byte 26"),
        (b"type=echo", "invalid character"),
    ],
)
async def test_what_is_not_json_is_a_400_that_tells_the_place(
    api: Api, body: bytes, reason: str
) -> None:
    response = await api.post_text(body)

    assert response.status_code == 400
    assert response.json()["type"] == "/problems/malformed-json"
    assert reason in response.json()["detail"]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"NaN", "NaN and Infinity are not JSON (byte 25)"),
        (b'{"x":-Infinity}', "NaN and Infinity are not JSON (byte 31)"),
        (b'"\\ud83d"', "surrogate"),
        (b'"\\ud83d and more"', "surrogate"),
        (b'"\\udc00 and more"', "surrogate"),
        (b'{"\\ud83d\\u0041":1}', "surrogate"),
        (b'"\xff"', "is not UTF-8 (byte 26)"),
        (b'"\xed\xa0\x80"', "is not UTF-8 (byte 26)"),
    ],
)
async def test_text_that_only_some_take_for_json_is_refused_by_name(
    api: Api, payload: bytes, reason: str
) -> None:
    response = await api.post_text(b'{"type":"echo","payload":' + payload + b"}")

    assert response.status_code == 422
    assert reason in response.json()["errors"][0]["message"]


@pytest.mark.parametrize("body", [b"[]", b"null", b'"x"', b"1"])
async def test_json_that_is_no_object_is_refused(api: Api, body: bytes) -> None:
    response = await api.post_text(body)

    assert response.status_code == 422
    assert response.json()["detail"] == "must be a JSON object"


async def test_a_byte_order_mark_is_refused(api: Api) -> None:
    response = await api.post_text(b'\xef\xbb\xbf{"type":"echo"}')

    assert response.status_code == 422
    assert "byte order mark" in response.json()["detail"]


@pytest.mark.parametrize("depth", [101, 500, 990, 1_000, 5_000])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
@pytest.mark.parametrize("field", [b"payload", b"priority", b"type"])
async def test_nesting_beyond_the_limit_is_refused(
    api: Api, depth: int, opening: bytes, closing: bytes, field: bytes
) -> None:
    inner = b"1" if closing == b"}" else b""
    value = opening * depth + inner + closing * depth

    response = await api.post_text(b'{"type":"echo","' + field + b'":' + value + b"}")

    assert response.status_code == 422, response.text


@pytest.mark.parametrize("size", [BODY_LIMIT_BYTES + 1, 2_000_000])
async def test_a_body_that_declares_to_be_too_large_is_refused(api: Api, size: int) -> None:
    response = await api.post_text(b"x" * size)

    assert response.status_code == 413
    assert response.json()["type"] == "/problems/too-large"
    assert response.json()["limit_bytes"] == BODY_LIMIT_BYTES
    assert response.headers["connection"] == "close"


async def test_a_body_in_chunks_is_refused_as_soon_as_it_is_too_large(api: Api) -> None:
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100_000_000:
            sent += 64 * 1024
            yield b" " * 64 * 1024

    response = await api.client.post(
        "/v1/jobs", content=chunks(), headers={"content-type": "application/json"}
    )

    assert response.status_code == 413
    assert sent < 10_000_000


async def test_a_body_in_chunks_within_the_limit_is_taken(api: Api) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for byte in b'{"type":"echo","payload":[1,  2]}':
            yield bytes([byte])

    response = await api.client.post(
        "/v1/jobs", content=chunks(), headers={"content-type": "application/json"}
    )

    assert response.status_code == 201
    assert b'"payload":[1,  2],' in response.content


@pytest.mark.parametrize(
    "media_type",
    ["application/json", "Application/JSON; charset=utf-8", "application/vnd.treadle+json"],
)
async def test_every_media_type_of_json_is_taken(api: Api, media_type: str) -> None:
    response = await api.post_text(b'{"type":"echo"}', **{"content-type": media_type})

    assert response.status_code == 201


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "text/json"},
        {"content-type": "application/json", "content-encoding": "br"},
        {"content-type": "application/json", "content-encoding": "gzip, gzip"},
    ],
)
async def test_other_media_types_are_refused(api: Api, headers: dict[str, str]) -> None:
    response = await api.client.post("/v1/jobs", content=b'{"type":"echo"}', headers=headers)

    assert response.status_code == 415
    assert response.json()["type"] == "/problems/unsupported-media-type"
