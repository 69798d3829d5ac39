"""An HTTP client as cheap as it can be: its CPU is not the product's."""

import asyncio
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

CONNECTIONS = 32


class Answer(NamedTuple):
    """`head` in lower case; `came_at` in seconds since 1970."""

    seconds: float
    came_at: float
    head: bytes
    body: bytes


def get(path: str) -> bytes:
    return b"GET %s HTTP/1.1\r\nhost: localhost\r\n\r\n" % path.encode()


def post(path: str, body: bytes, *headers: str) -> bytes:
    head = [f"POST {path} HTTP/1.1", "host: localhost", "content-type: application/json"]
    head += [f"content-length: {len(body)}", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


async def ask(
    host: str,
    port: int,
    requests: Iterable[bytes],
    status: int,
    connections: int = CONNECTIONS,
    gap_seconds: float = 0,
) -> list[Answer]:
    """Over keep-alive connections that take the next request as soon as they are free, each opened a gap after the one
    before. RuntimeError if an answer has another status."""
    left, answers = iter(requests), list[Answer]()
    async with asyncio.TaskGroup() as clients:
        for _ in range(connections):
            clients.create_task(_ask(host, port, left, status, answers))
            await asyncio.sleep(gap_seconds)
    return answers


async def _ask(
    host: str, port: int, requests: Iterator[bytes], status: int, answers: list[Answer]
) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    expected = b" %d " % status
    for request in requests:
        began = time.perf_counter()
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if expected not in head.partition(b"\r\n")[0] + b" ":
            raise RuntimeError(head.decode())
        length = next(line for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
        body = await reader.readexactly(int(length.partition(b":")[2]))
        answers.append(Answer(time.perf_counter() - began, time.time(), head, body))
    writer.close()
    await writer.wait_closed()
