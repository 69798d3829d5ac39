"""The executor's life between its first frame and its last."""

import asyncio
import socket
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from treadle import Handlers
from treadle_worker.executor.failures import failure_of
from treadle_worker.executor.frames import (
    Ended,
    Outcome,
    Run,
    Stop,
    Succeeded,
    ToExecutor,
    from_worker,
)
from treadle_worker.executor.handler_call import call_async, call_sync
from treadle_worker.executor.link import Link
from treadle_worker.executor.loading import (
    Loaded,
    LoadRefused,
    announced,
    shut_down,
    start_up,
)


class Executor:
    """Async handlers are tasks on the loop, sync ones run in `threads` threads; each run is answered by one Ended.

    Once asked to stop it answers only what still succeeds: what it cut short is the worker's to give back.
    """

    def __init__(self, loaded: Mapping[str, Loaded], threads: int) -> None:
        self._loaded = loaded
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="handler")
        self._loop = asyncio.get_running_loop()
        self._tasks = asyncio.TaskGroup()
        self._running: set[asyncio.Task[None]] = set()
        self._stop_asked = asyncio.Event()
        self._link: Link[ToExecutor] | None = None

    async def serve(self, link: Link[ToExecutor]) -> None:
        """Until Stop, or until the worker is gone."""
        self._link = link
        async with self._tasks:
            await self._stop_asked.wait()
            for task in self._running:
                task.cancel()
            await self._loop.run_in_executor(None, self._end_threads)

    def receive(self, frame: ToExecutor | None) -> None:
        match frame:
            case Run():
                self._start(frame)
            case Stop() | None:
                self._stop_asked.set()

    def _start(self, run: Run) -> None:
        if self._stop_asked.is_set():
            return
        loaded = self._loaded.get(run.type)
        if loaded is None:
            self._end(run, failure_of(LookupError(f"no handler for job type {run.type!r}")))
        elif loaded.handler.is_async:
            task = self._tasks.create_task(self._run_async(loaded, run))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        else:
            self._threads.submit(self._run_in_thread, loaded, run)

    async def _run_async(self, loaded: Loaded, run: Run) -> None:
        self._end(run, await call_async(loaded, run))

    def _run_in_thread(self, loaded: Loaded, run: Run) -> None:
        self._loop.call_soon_threadsafe(self._end, run, call_sync(loaded, run))

    def _end(self, run: Run, outcome: Outcome) -> None:
        assert self._link is not None
        if isinstance(outcome, Succeeded) or not self._stop_asked.is_set():
            self._link.send(Ended(run.job_id, run.fence, outcome))

    def _end_threads(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)


async def live(
    end: socket.socket, handlers: Handlers, loaded: Mapping[str, Loaded], threads: int
) -> None:
    """Startup hooks, Ready, runs, shutdown hooks; the worker reads Refused instead if a startup hook raises."""
    executor = Executor(loaded, threads)
    link = await Link.over(end, from_worker(), executor.receive)
    try:
        await start_up(handlers.startup_hooks)
    except LoadRefused as refused:
        link.send(refused.frame)
    else:
        link.send(announced(handlers))
        await executor.serve(link)
        for problem in await shut_down(handlers.shutdown_hooks):
            print(problem, file=sys.stderr)  # noqa: T201 - the process has no other log
    link.close()
    await link.lost.wait()
