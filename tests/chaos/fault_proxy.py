"""A TCP proxy that does to connections what networks do: cut, refuse, delay, swallow."""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

_HOST = "127.0.0.1"
_ANSWER_SECONDS = 5.0
_RESET_AT_CLOSE = struct.pack("ii", 1, 0)
_MOST_PIECES = 1_000

_Piece = tuple[float, bytes]
"""When it is due, and what it holds: nothing is the end of the stream."""


class Way(StrEnum):
    REQUEST = "request"
    REPLY = "reply"


class Mode(StrEnum):
    """Faults by name, for `FaultProxy.set`."""

    PASS = "pass"
    BLACKHOLE = "blackhole"
    HALF_OPEN = "half open"
    DROP_REPLIES = "drop replies"
    REFUSE = "refuse"


_BOTH = frozenset(Way)


@dataclass(eq=False, slots=True)
class _Connection:
    """`is_torn`: bytes vanished from it, so it can only be reset when the fault is over."""

    ends: list[asyncio.StreamWriter]
    swallows: frozenset[Way]
    is_torn: bool = field(default=False, init=False)

    def reset(self) -> None:
        for end in self.ends:
            descriptor: socket.socket = end.get_extra_info("socket")
            if descriptor.fileno() >= 0:
                descriptor.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
            end.transport.abort()


class FaultProxy:
    """Listens on `port` of 127.0.0.1, in a thread of its own; every fault works at once and until `heal`."""

    def __init__(self, target_port: int) -> None:
        self.port = 0
        self.vanished_bytes = 0
        self._target_port = target_port
        self._connections: set[_Connection] = set()
        self._swallows: frozenset[Way] = frozenset()
        self._delay_seconds = 0.0
        self._is_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fault proxy", daemon=True)

    @property
    def connections(self) -> int:
        return len(self._connections)

    def cut(self) -> None:
        """Resets all connections that there are; new ones are welcome."""
        self._do(self._reset, lambda _: True)

    def refuse(self) -> None:
        """Nobody listens any more; the connections that there are go on."""
        self._do(self._listener.close)

    def delay(self, seconds: float) -> None:
        """Each piece of data, in both ways; what is on its way stays so when it heals."""
        self._delay_seconds = seconds

    def half_open(self) -> None:
        """What both ends of today's connections send vanishes, and neither is told; new ones work."""
        self._do(self._swallow, _BOTH, frozenset())

    def blackhole(self) -> None:
        """As half_open, and new connections are accepted and swallowed as well."""
        self._do(self._swallow, _BOTH, _BOTH)

    def drop_replies(self) -> None:
        """Requests arrive and are obeyed, their answers vanish."""
        self._do(self._swallow, frozenset({Way.REPLY}), frozenset({Way.REPLY}))

    def set(self, mode: Mode) -> None:
        faults = {
            Mode.PASS: self.heal,
            Mode.BLACKHOLE: self.blackhole,
            Mode.HALF_OPEN: self.half_open,
            Mode.DROP_REPLIES: self.drop_replies,
            Mode.REFUSE: self.refuse,
        }
        faults[mode]()

    def heal(self) -> None:
        """Passes everything again; connections that lost something are reset."""
        self._delay_seconds = 0.0
        self._do(self._swallow, frozenset(), frozenset())
        self._do(self._reset, lambda connection: connection.is_torn)
        if not self._do(self._listener.is_serving):
            asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(_ANSWER_SECONDS)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._is_up.wait(_ANSWER_SECONDS)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(_ANSWER_SECONDS)

    def _do(self, act: Callable[..., Any], *arguments: Any) -> Any:
        """In the proxy's own thread."""

        async def acted() -> Any:
            return act(*arguments)

        return self._wait_for(acted())

    def _wait_for(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_ANSWER_SECONDS)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        await self._listen()
        self._is_up.set()
        await self._over.wait()
        self._listener.close()
        while self._connections:
            self._reset(lambda _: True)
            await asyncio.sleep(0.01)

    async def _listen(self) -> None:
        self._listener = await asyncio.start_server(self._accept, _HOST, self.port)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection([writer], self._swallows)
        self._connections.add(connection)
        try:
            target_reader, target = await asyncio.open_connection(_HOST, self._target_port)
            connection.ends.append(target)
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump(connection, Way.REQUEST, reader, target))
                pumps.create_task(self._pump(connection, Way.REPLY, target_reader, writer))
        except* OSError:
            connection.reset()
        finally:
            self._connections.discard(connection)
            for end in connection.ends:
                end.close()

    async def _pump(
        self,
        connection: _Connection,
        way: Way,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        pieces: asyncio.Queue[_Piece] = asyncio.Queue(_MOST_PIECES)
        async with asyncio.TaskGroup() as both:
            both.create_task(self._take(reader, pieces))
            both.create_task(self._pass_on(connection, way, pieces, writer))

    async def _take(self, reader: asyncio.StreamReader, pieces: asyncio.Queue[_Piece]) -> None:
        data = b"all but the end"
        while data:
            data = await reader.read(65_536)
            await pieces.put((self._loop.time() + self._delay_seconds, data))

    async def _pass_on(
        self,
        connection: _Connection,
        way: Way,
        pieces: asyncio.Queue[_Piece],
        writer: asyncio.StreamWriter,
    ) -> None:
        """An end of the stream is swallowed like any data: the other side waits on."""
        while True:
            due, data = await pieces.get()
            await asyncio.sleep(due - self._loop.time())
            if way in connection.swallows:
                connection.is_torn = True
                self.vanished_bytes += len(data)
            elif data:
                writer.write(data)
                await writer.drain()
            elif not writer.is_closing():
                writer.write_eof()
            if not data:
                return

    def _swallow(self, now: frozenset[Way], later: frozenset[Way]) -> None:
        self._swallows = later
        for connection in self._connections:
            connection.swallows = now

    def _reset(self, chosen: Callable[[_Connection], bool]) -> None:
        for connection in filter(chosen, list(self._connections)):
            connection.reset()
