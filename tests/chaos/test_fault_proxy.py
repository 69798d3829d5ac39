"""The proxy itself: a fault that it does not cause would prove nothing."""

import socket
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest
from tests.chaos.fault_proxy import FaultProxy


class _Echo(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for line in self.rfile:
            self.server.heard.append(line)  # type: ignore[attr-defined]
            self.wfile.write(line)


class _EchoServer(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        super().__init__(("127.0.0.1", 0), _Echo)


@pytest.fixture
def echo() -> Iterator[_EchoServer]:
    with _EchoServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(echo: _EchoServer) -> Iterator[FaultProxy]:
    with FaultProxy(echo.server_address[1]) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: FaultProxy) -> Iterator[socket.socket]:
    with _connected(proxy) as client:
        assert _said(client) == b"hello\n"
        yield client


def test_what_is_cut_is_reset_and_new_connections_work(
    proxy: FaultProxy, client: socket.socket
) -> None:
    proxy.cut()

    with pytest.raises(ConnectionResetError):
        client.recv(1)
    with _connected(proxy) as other:
        assert _said(other) == b"hello\n"


def test_who_is_refused_finds_nobody_until_it_heals(
    proxy: FaultProxy, client: socket.socket
) -> None:
    proxy.refuse()

    with pytest.raises(ConnectionRefusedError):
        _connected(proxy)
    assert _said(client) == b"hello\n"
    proxy.heal()
    with _connected(proxy) as other:
        assert _said(other) == b"hello\n"


def test_a_delay_holds_up_each_way(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.delay(0.1)

    began = time.monotonic()
    assert _said(client) == b"hello\n"
    assert time.monotonic() - began >= 0.2
    proxy.heal()


def test_what_is_delayed_is_not_held_up_by_what_was_sent_before(
    proxy: FaultProxy, client: socket.socket
) -> None:
    proxy.delay(0.1)

    began = time.monotonic()
    for _ in range(5):
        client.sendall(b"hello\n")
        time.sleep(0.02)
    heard = b""
    while len(heard) < 30:
        heard += client.recv(100)

    assert time.monotonic() - began < 0.45
    proxy.heal()


def test_a_half_open_connection_says_nothing_and_a_new_one_works(
    proxy: FaultProxy, client: socket.socket, echo: _EchoServer
) -> None:
    proxy.half_open()

    assert _said(client, b"lost\n") is None
    assert b"lost\n" not in echo.heard
    with _connected(proxy) as other:
        assert _said(other) == b"hello\n"


def test_a_black_hole_takes_new_connections_and_answers_none(
    proxy: FaultProxy, echo: _EchoServer
) -> None:
    proxy.blackhole()

    with _connected(proxy) as client:
        assert _said(client) is None
        proxy.heal()
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    assert echo.heard == []


def test_requests_whose_replies_are_dropped_have_arrived(
    proxy: FaultProxy, client: socket.socket, echo: _EchoServer
) -> None:
    proxy.drop_replies()

    assert _said(client, b"obeyed\n") is None
    assert b"obeyed\n" in echo.heard
    assert proxy.vanished_bytes == len(b"obeyed\n")


def test_the_end_of_a_stream_is_passed_on(proxy: FaultProxy, client: socket.socket) -> None:
    client.shutdown(socket.SHUT_WR)

    assert client.recv(1) == b""


def _connected(proxy: FaultProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=0.3)


def _said(client: socket.socket, line: bytes = b"hello\n") -> bytes | None:
    """What came back; None: nothing did."""
    client.sendall(line)
    try:
        return client.recv(100)
    except TimeoutError:
        return None
