"""HTTP over sockets that are used again and again, as cheap as it can be: whoever submits shares the machine."""

import re
import selectors
import socket
from collections.abc import Iterator, Sequence
from itertools import cycle, islice

_SECONDS = 60.0
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_END_OF_HEAD = b"\r\n\r\n"


class Connection:
    """One request at a time."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.is_waiting = False

    def send(self, request: bytes) -> None:
        self.socket.sendall(request)
        self.is_waiting = True

    def take_answer(self, status: bytes) -> bytes:
        """Its body. RuntimeError if it has another status."""
        data = self._receive()
        while (end := data.find(_END_OF_HEAD)) < 0:
            data += self._receive()
        if data[9:12] != status:
            raise RuntimeError(data.decode(errors="replace"))
        length = _LENGTH.search(data, 0, end)
        if length is None:
            raise RuntimeError(data[:end].decode())
        parts, missing = [data[end + 4 :]], int(length[1]) - (len(data) - end - 4)
        while missing > 0:
            parts.append(self._receive())
            missing -= len(parts[-1])
        self.is_waiting = False
        return b"".join(parts)

    def _receive(self) -> bytes:
        if data := self.socket.recv(1 << 18):
            return data
        raise ConnectionError("the API hung up")


def open_connections(ports: Sequence[int], count: int) -> list[Connection]:
    """Spread over the ports."""
    return [Connection(port) for port in islice(cycle(ports), count)]


def send_all(connections: Sequence[Connection], requests: Iterator[bytes], status: bytes) -> int:
    """Each connection takes the next request as soon as it is free; returns how many were answered."""
    answered = 0
    with selectors.DefaultSelector() as selector:
        for connection, request in zip(connections, requests, strict=False):
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.send(request)
        while selector.get_map():
            for key, _ in selector.select(_SECONDS):
                connection = key.data
                connection.take_answer(status)
                answered += 1
                if (following := next(requests, None)) is None:
                    selector.unregister(connection.socket)
                else:
                    connection.send(following)
    return answered
