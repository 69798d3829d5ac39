"""One end of the socket between a worker and an executor process."""

import asyncio
import socket
from collections.abc import Callable
from typing import Generic, Self, TypeVar, cast

import msgspec

from treadle_worker.executor.frames import ToExecutor, ToWorker, Unpacker, packed

_Frame = TypeVar("_Frame")

_READ_BYTES = 64 * 1024


class Link(asyncio.BufferedProtocol, Generic[_Frame]):
    """Hands each frame to `receive` as it comes, and None once the other side is gone.

    What is sent within one turn of the loop leaves in one write.
    Closes itself on bytes that are no frame: user code may have got hold of the socket.
    """

    def __init__(
        self, unpacker: Unpacker[_Frame], receive: Callable[[_Frame | None], None]
    ) -> None:
        self.lost = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._unpacker = unpacker
        self._receive = receive
        self._transport: asyncio.Transport | None = None
        self._outgoing: list[bytes] = []
        self._incoming = memoryview(bytearray(_READ_BYTES))
        self._taken = asyncio.Event()
        self._taken.set()

    @classmethod
    async def over(
        cls,
        end: socket.socket,
        unpacker: Unpacker[_Frame],
        receive: Callable[[_Frame | None], None],
    ) -> Self:
        link = cls(unpacker, receive)
        await link._loop.create_unix_connection(lambda: link, sock=end)
        return link

    def send(self, frame: ToExecutor | ToWorker) -> None:
        if not self._outgoing:
            self._loop.call_soon(self.flush)
        self._outgoing.append(packed(frame))

    def flush(self) -> None:
        """Hands what was sent to the system, as far as that takes it without waiting."""
        if self._outgoing and self._transport is not None and not self.lost.is_set():
            self._transport.write(b"".join(self._outgoing))
        self._outgoing.clear()

    async def flushed(self) -> None:
        """Does not wait unless the other side reads too slowly; returns also when the link is lost."""
        self.flush()
        await self._taken.wait()

    def close(self) -> None:
        """What was sent before is still written, as long as the other side reads."""
        self.flush()
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # That of uvloop is none by its class.
        self._transport = cast("asyncio.Transport", transport)
        # So that `pause_writing` is called as soon as anything is left to write.
        self._transport.set_write_buffer_limits(high=0)

    def pause_writing(self) -> None:
        self._taken.clear()

    def resume_writing(self) -> None:
        self._taken.set()

    def get_buffer(self, _: int) -> memoryview:
        """The same each time: a new one of the size that asyncio takes would cost more than what is in it."""
        return self._incoming

    def buffer_updated(self, size: int) -> None:
        try:
            for frame in self._unpacker.feed(self._incoming[:size]):
                self._receive(frame)
        except msgspec.MsgspecError:
            self.close()

    def connection_lost(self, _: Exception | None) -> None:
        self.lost.set()
        self._taken.set()
        self._receive(None)
