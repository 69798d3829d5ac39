"""The worker's end of its guard: tells it what is to be killed if this process dies or freezes."""

import asyncio
import contextlib
import math
import socket
import subprocess
import sys
from types import TracebackType
from typing import Protocol, Self
from uuid import UUID

import structlog

_log = structlog.get_logger()

_LEAVE_SECONDS = 2.0
_CLEAN_UP_SECONDS = 12.0
"""Longer than the guard tries to reach the store."""
_LONG_LIFE_SECONDS = 60.0
_MOST_STARTS = 5
_PAUSE_SECONDS = 0.05


class Guard(Protocol):
    """Told of every executor's process group, at once and without waiting."""

    def born(self, pgid: int) -> None: ...

    def gone(self, pgid: int) -> None:
        """After its leader was reaped, and what was left of it killed."""
        ...


class NoGuard:
    def born(self, pgid: int) -> None:
        pass

    def gone(self, pgid: int) -> None:
        pass


NO_GUARD: Guard = NoGuard()


class GuardProcess:
    """A process that kills the groups when this one dies or the deadline passes, and in the first case closes the
    session. One that dies itself is replaced by another, which is told all that is current; not for ever.

    What is told is in the kernel's hands when the call returns: it is heard whatever happens to this process then.
    """

    def __init__(self, store_target: str, log_format: str = "console") -> None:
        self._store_target = store_target
        self._log_format = log_format
        self._groups: set[int] = set()
        self._session: UUID | None = None
        self._until = math.inf
        self._process: subprocess.Popen[bytes] | None = None
        self._end: socket.socket | None = None
        self._was_started = asyncio.Event()
        self._leaving = False
        self._tasks = asyncio.TaskGroup()
        self._keeping: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._keeping = self._tasks.create_task(self._keep())
        await self._was_started.wait()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """After an error no bye is said: the session was not closed, so the guard does it, and is waited for."""
        assert self._keeping is not None
        self._leaving = True
        seconds = _LEAVE_SECONDS if kind is None else _CLEAN_UP_SECONDS
        patience = asyncio.get_running_loop().call_later(seconds, self._kill)
        if self._end is None:
            self._keeping.cancel()
        elif kind is None:
            self._tell("bye")
        else:
            self._end.shutdown(socket.SHUT_WR)
        try:
            await self._tasks.__aexit__(None, None, None)
        finally:
            patience.cancel()

    @property
    def pid(self) -> int | None:
        """None while there is none."""
        return self._process.pid if self._process is not None and self._end is not None else None

    def born(self, pgid: int) -> None:
        self._groups.add(pgid)
        self._tell(f"+{pgid}")

    def gone(self, pgid: int) -> None:
        self._groups.discard(pgid)
        self._tell(f"-{pgid}")

    def until(self, deadline: float) -> None:
        """By the boot-time clock; infinite: for ever."""
        self._until = deadline
        self._tell(f"until {deadline}")

    def session(self, session_id: UUID) -> None:
        """Instead of the one before."""
        self._session = session_id
        self._tell(f"session {session_id} {self._store_target}")

    async def _keep(self) -> None:
        loop, failures = asyncio.get_running_loop(), 0
        while failures < _MOST_STARTS:
            born = loop.time()
            end = await self._one_life()
            if self._leaving:
                return
            failures = 1 if loop.time() - born > _LONG_LIFE_SECONDS else failures + 1
            _log.warning("guard ended", reason=end, failures=failures)
            await asyncio.sleep(_PAUSE_SECONDS)
        _log.error("worker: goes on without a guard")

    async def _one_life(self) -> str:
        """How it ended, in words."""
        ours, theirs = socket.socketpair()
        with ours:
            try:
                with theirs:
                    self._process = self._start(theirs)
            except OSError as error:
                return str(error)
            finally:
                self._was_started.set()
            ours.setblocking(False)
            self._end = ours
            try:
                self._tell(*self._all_that_is_current())
                await _hang_up(ours)
            finally:
                self._end = None
        return self._buried(self._process)

    def _start(self, theirs: socket.socket) -> subprocess.Popen[bytes]:
        """Not as one of asyncio's, which kills those that it has when it ends, whatever the reason."""
        command = [sys.executable, "-m", "treadle_worker.guard", "--fd", str(theirs.fileno())]
        return subprocess.Popen(
            [*command, "--log-format", self._log_format],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _all_that_is_current(self) -> list[str]:
        session = [] if self._session is None else [f"session {self._session} {self._store_target}"]
        return [*session, f"until {self._until}", *(f"+{pgid}" for pgid in self._groups)]

    def _tell(self, *lines: str) -> None:
        """A guard that does not read, or is dead, is replaced."""
        if self._end is None:
            return
        data = "".join(f"{line}\n" for line in lines).encode()
        with contextlib.suppress(OSError):
            if self._end.send(data) == len(data):
                return
        self._kill()

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    def _buried(self, process: subprocess.Popen[bytes]) -> str:
        process.kill()
        status = process.wait()
        return f"status {status}" if status >= 0 else f"signal {-status}"


async def _hang_up(end: socket.socket) -> None:
    """The other side never writes: what can be read is its end."""
    loop, hung_up = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(end, hung_up.set)
    try:
        await hung_up.wait()
    finally:
        loop.remove_reader(end)
