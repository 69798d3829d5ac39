"""POST /v1/jobs with Content-Encoding: gzip."""

import gzip
import tracemalloc
from collections.abc import AsyncIterator

import httpx
import pytest
from tests.unit.api.conftest import PAYLOAD_LIMIT_BYTES, Api

from treadle_api.adapters.inbound.http.content_encoding import PIECE_BYTES

BODY = b'{"type":"echo","payload":{"a":  [1, 2]}}'
WHOLE = gzip.compress(BODY, mtime=0)
BODY_LIMIT_BYTES = PAYLOAD_LIMIT_BYTES + 128 * 1024


async def post(api: Api, body: bytes | AsyncIterator[bytes]) -> httpx.Response:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    return await api.client.post("/v1/jobs", content=body, headers=headers)


@pytest.mark.parametrize(
    "body",
    [WHOLE, gzip.compress(BODY[:9]) + gzip.compress(BODY[9:])],
    ids=["one member", "two members"],
)
async def test_a_compressed_body_is_taken_to_the_byte(api: Api, body: bytes) -> None:
    response = await post(api, body)

    assert response.status_code == 201, response.text
    assert b'"payload":{"a":  [1, 2]},' in response.content


async def test_a_compressed_body_may_come_byte_by_byte(api: Api) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for byte in WHOLE:
            yield bytes([byte])

    assert (await post(api, chunks())).status_code == 201


@pytest.mark.parametrize("pieces", [1, 2])
async def test_a_body_that_fills_its_last_piece_is_whole(api: Api, pieces: int) -> None:
    body = BODY + b" " * (pieces * PIECE_BYTES - len(BODY))

    assert (await post(api, gzip.compress(body))).status_code == 201


async def test_a_bomb_is_refused_before_it_goes_off(api: Api) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    tracemalloc.start()

    response = await post(api, bomb)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert response.status_code == 413
    assert response.json()["limit_bytes"] == BODY_LIMIT_BYTES
    assert peak < 2_000_000


async def test_members_without_content_do_not_go_on_for_ever(api: Api) -> None:
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        empty = gzip.compress(b"") * 1_000
        while sent < 100_000_000:
            sent += len(empty)
            yield empty

    response = await post(api, chunks())

    assert response.status_code == 413
    assert sent < 10_000_000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        BODY,
        WHOLE[:-1],
        WHOLE[:-9] + b"garbage!",
        WHOLE + b"garbage",
        WHOLE + gzip.compress(b"  ")[:12],
    ],
    ids=["empty", "plain", "cut", "broken", "with garbage behind", "cut in the second member"],
)
async def test_what_is_not_gzip_is_a_400(api: Api, body: bytes) -> None:
    response = await post(api, body)

    assert response.status_code == 400
    assert response.json()["type"] == "/problems/malformed-encoding"
    assert not api.store.jobs.all()
