"""One executor process as its worker sees it."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Self
from uuid import UUID

from treadle_domain.claimed_run import ClaimedRun
from treadle_worker.adapters.outbound.executor_codec import frame_of
from treadle_worker.executor.frames import Ended, Ready, Refused, Stop, ToWorker, from_executor
from treadle_worker.executor.link import Link

OnEnded = Callable[[ClaimedRun, Ended], None]

_DRAIN_SECONDS = 1.0


class ExecutorProcess:
    """`runs` are those sent and not ended.

    It leads a process group of its own, so that what user code started is killed with it.
    """

    def __init__(self, process: asyncio.subprocess.Process, on_ended: OnEnded) -> None:
        self.runs: dict[tuple[UUID, int], ClaimedRun] = {}
        self.is_ready = False
        self.has_ended_a_run = False
        self._greeting: Ready | Refused | None = None
        self._greeted = asyncio.Event()
        self._asked_to_stop = False
        self._killed = False
        self._process = process
        self._on_ended = on_ended
        self._link: Link[ToWorker] | None = None

    @classmethod
    async def start(cls, handlers: str, threads: int, on_ended: OnEnded) -> Self:
        """OSError when the system has no more memory, processes or descriptors to give."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "treadle_worker.executor", "--handlers", handlers),
                    *("--threads", str(threads), "--fd", str(theirs.fileno())),
                    pass_fds=(theirs.fileno(),),
                    stdin=asyncio.subprocess.DEVNULL,
                    start_new_session=True,
                )
            except BaseException:
                ours.close()
                raise
        executor = cls(process, on_ended)
        executor._link = await Link.over(ours, from_executor(), executor._receive)
        return executor

    @property
    def pid(self) -> int:
        return self._process.pid

    async def greeting(self, limit: timedelta) -> Ready | Refused | None:
        """None if it died without one; Refused also if it takes longer than `limit`."""
        try:
            async with asyncio.timeout(limit.total_seconds()):
                await self._greeted.wait()
        except TimeoutError:
            reason = f"the executor was not ready within {limit.total_seconds():g} seconds"
            return Refused(f"{reason}: an import or a startup hook hangs", "")
        return self._greeting

    def send(self, run: ClaimedRun) -> None:
        assert self._link is not None
        self.runs[run.job_id, run.fence] = run
        self._link.send(frame_of(run))

    def ask_to_stop(self) -> None:
        assert self._link is not None
        self.is_ready = False
        self._asked_to_stop = True
        self._link.send(Stop())

    def kill(self) -> None:
        """Its end is known when `gone` returns."""
        self._killed = True
        self._kill_group()

    async def gone(self) -> int:
        """The exit status, after the last frame that the process sent was handled."""
        assert self._link is not None
        status = await self._process.wait()
        # A process that user code forked may hold the socket open for ever.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                await self._link.lost.wait()
        self._link.close()
        return status

    def died_by_itself(self, status: int) -> bool:
        return not (self._killed or (self._asked_to_stop and status == 0))

    def _receive(self, frame: ToWorker | None) -> None:
        match frame:
            case Ended():
                # Forgotten after it is reported: an end that cannot be must come back with the process.
                if run := self.runs.get((frame.job_id, frame.fence)):
                    self._on_ended(run, frame)
                    del self.runs[run.job_id, run.fence]
                    self.has_ended_a_run = True
            case Ready() | Refused():
                self._greeting = frame
                self.is_ready = isinstance(frame, Ready)
                self._greeted.set()
            case None:
                self._cut_off()

    def _cut_off(self) -> None:
        """Without its socket it cannot report: what it still runs must not go on."""
        self._greeted.set()
        self.is_ready = False
        if not self._asked_to_stop:
            self._kill_group()

    def _kill_group(self) -> None:
        self.is_ready = False
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
