"""Bodies that stand still."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from starlette.requests import Request
from starlette.types import Message

from treadle_api.adapters.inbound.http.problems import Problem, ProblemType
from treadle_api.adapters.inbound.http.request_body import body_pieces


def request(receive: Callable[[], Awaitable[Message]]) -> Request:
    return Request({"type": "http", "headers": []}, receive)


async def test_a_body_that_stands_still_is_given_up_long_before_its_deadline() -> None:
    sent = iter([b"a", b"b"])

    async def receive() -> Message:
        piece = next(sent, None)
        if piece is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": piece, "more_body": True}

    pieces = body_pieces(request(receive), None, 60, pause_seconds=0.05)
    assert [await anext(pieces), await anext(pieces)] == [b"a", b"b"]
    async with asyncio.timeout(5):
        with pytest.raises(Problem) as given_up:
            await anext(pieces)

    assert given_up.value.kind is ProblemType.BODY_TIMEOUT


async def test_a_body_that_trickles_has_no_longer_than_its_deadline() -> None:
    async def receive() -> Message:
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b"a", "more_body": True}

    with pytest.raises(Problem) as given_up:
        [_ async for _ in body_pieces(request(receive), None, 0.05, pause_seconds=60)]

    assert given_up.value.kind is ProblemType.BODY_TIMEOUT
