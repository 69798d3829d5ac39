"""An executor process without a worker: frames go in and come out."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, TypeVar
from uuid import uuid4

from tests.integration.executors.runs import CREATED_AT

from treadle.interruption import Interruption
from treadle_worker.executor.frames import (
    Ask,
    Ended,
    Heard,
    Outcome,
    Ready,
    Refused,
    Run,
    Started,
    ToExecutor,
    Told,
    ToWorker,
    from_executor,
)
from treadle_worker.executor.last_started import LastStarted
from treadle_worker.executor.link import Link

_Frame = TypeVar("_Frame")

_PATIENCE_SECONDS = 10.0
_numbers = count(1)


class Child:
    """Keeps every frame in the order of arrival in `frames`; fails the test if one that is waited for does not come."""

    def __init__(self, process: asyncio.subprocess.Process, last_started: LastStarted) -> None:
        self.last_started = last_started
        self.frames: list[ToWorker] = []
        self.process = process
        self._came = asyncio.Event()
        self._link: Link[ToWorker] | None = None

    async def attach(self, end: socket.socket) -> None:
        self._link = await Link.over(end, from_executor(), self._receive)

    @property
    def link(self) -> Link[ToWorker]:
        assert self._link is not None
        return self._link

    def send(self, *frames: ToExecutor) -> None:
        for frame in frames:
            self.link.send(frame)

    def ask(self, run: Run, why: Interruption) -> None:
        self.send(Ask(run.job_id, run.fence, why))

    async def greeting(self) -> Ready | Refused:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not self.frames:
                assert not self.link.lost.is_set(), "the executor is gone"
                await self._came_something()
        [greeting, *_] = self.frames
        assert isinstance(greeting, Ready | Refused)
        return greeting

    async def started(self, run: Run) -> None:
        await self._first(Started, run)

    async def heard(self, run: Run) -> None:
        await self._first(Heard, run)

    async def ended(self, run: Run) -> Outcome:
        return (await self._first(Ended, run)).outcome

    async def told(self, run: Run) -> Told:
        return await self._first(Told, run)

    async def outcome_of(self, run: Run) -> Outcome:
        self.send(run)
        return await self.ended(run)

    def of(self, run: Run) -> list[ToWorker]:
        return [frame for frame in self.frames if _is_of(frame, run)]

    def all_told(self, run: Run) -> list[Told]:
        return [frame for frame in self.of(run) if isinstance(frame, Told)]

    async def gone(self) -> int:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await self.process.wait()

    async def lost(self) -> None:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await self.link.lost.wait()

    async def _first(self, kind: type[_Frame], run: Run | None = None) -> _Frame:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while True:
                for frame in self.frames:
                    if isinstance(frame, kind) and (run is None or _is_of(frame, run)):
                        return frame
                assert not self.link.lost.is_set(), "the executor is gone"
                await self._came_something()

    async def _came_something(self) -> None:
        self._came.clear()
        await self._came.wait()

    def _receive(self, frame: ToWorker | None) -> None:
        if frame is not None:
            self.frames.append(frame)
        self._came.set()


def _is_of(frame: ToWorker, run: Run) -> bool:
    return getattr(frame, "job_id", None) == run.job_id and getattr(frame, "fence", 0) == run.fence


@asynccontextmanager
async def a_child(
    handlers: str, *options: str, threads: int = 2, stderr: int | None = None
) -> AsyncIterator[Child]:
    last_started, memory = LastStarted.made()
    ours, theirs = socket.socketpair()
    with theirs, os.fdopen(memory):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "treadle_worker.executor", "--handlers", handlers),
            *("--threads", str(threads), "--fd", str(theirs.fileno()), *options),
            *("--last-started-fd", str(memory)),
            pass_fds=(theirs.fileno(), memory),
            stdin=asyncio.subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
        )
    child = Child(process, last_started)
    await child.attach(ours)
    try:
        greeting = await child.greeting()
        assert isinstance(greeting, Ready), greeting
        yield child
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        child.link.close()


def a_run_frame(type: str, payload: Any = None, checkpoint: bytes | None = None) -> Run:
    return Run(
        number=next(_numbers),
        job_id=uuid4(),
        fence=1,
        namespace="default",
        queue="default",
        type=type,
        attempt=1,
        max_attempts=3,
        timeout_seconds=30,
        created_at_us=round(CREATED_AT.timestamp() * 1_000_000),
        metadata={},
        payload=json.dumps(payload).encode(),
        checkpoint=checkpoint,
    )
