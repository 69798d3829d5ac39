import socket

import httpx
import pytest
from examples.http_request import HttpRequest, RequestRejected, ServerTroubled, request

from treadle import Permanent


async def test_the_answer_is_the_result(url: str) -> None:
    asked = HttpRequest(url=f"{url}/echo", method="POST", headers={"x-tenant": "a"}, body="hello")

    response = await request(asked)

    assert (response.status, response.body) == (200, "POST a hello")
    assert response.headers["content-length"] == "12"


async def test_a_long_body_is_cut(url: str) -> None:
    response = await request(HttpRequest(url=f"{url}/large"))

    assert len(response.body) == 65_536


@pytest.mark.parametrize(("follow", "status"), [(False, 302), (True, 200)])
async def test_a_redirect_is_followed_when_asked(url: str, follow: bool, status: int) -> None:
    response = await request(HttpRequest(url=f"{url}/redirect", follow_redirects=follow))

    assert response.status == status


@pytest.mark.parametrize("charset", ["utf-8", "no-such", "hex"])
async def test_a_charset_that_is_none_does_not_fail_the_request(url: str, charset: str) -> None:
    response = await request(HttpRequest(url=f"{url}/charset/{charset}"))

    assert response.body == "ä"


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_what_may_pass_is_tried_again(url: str, status: int) -> None:
    with pytest.raises(ServerTroubled, match=str(status)):
        await request(HttpRequest(url=f"{url}/status/{status}"))


@pytest.mark.parametrize("status", [400, 404, 410])
async def test_a_rejected_request_is_permanent(url: str, status: int) -> None:
    with pytest.raises(RequestRejected, match=str(status)):
        await request(HttpRequest(url=f"{url}/status/{status}"))


async def test_a_timeout_is_tried_again(url: str) -> None:
    with pytest.raises(httpx.TimeoutException):
        await request(HttpRequest(url=f"{url}/hang", timeout_seconds=0.1))


async def test_a_server_that_is_not_there_is_tried_again() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

        with pytest.raises(httpx.ConnectError):
            await request(HttpRequest(url=f"http://127.0.0.1:{port}"))


@pytest.mark.parametrize("url", ["", "no scheme", "ftp://host/", "http://host:port/"])
async def test_a_url_that_is_none_is_permanent(url: str) -> None:
    with pytest.raises(Permanent):
        await request(HttpRequest(url=url))


async def test_a_header_that_is_none_is_permanent(url: str) -> None:
    asked = HttpRequest(url=url, headers={"bad name\n": "x"})

    with pytest.raises(Permanent):
        await request(asked)
