"""The executor's life between its first frame and its last."""

import asyncio
import os
import socket
import sys
from collections.abc import Mapping
from uuid import UUID

from treadle import Handlers
from treadle.interruption import Interruption
from treadle_worker.executor.failures import failure_of
from treadle_worker.executor.forks import Threads
from treadle_worker.executor.frames import (
    Ask,
    Drain,
    Ended,
    GivenBack,
    Heard,
    Outcome,
    Run,
    Started,
    Stop,
    ToExecutor,
    Told,
    from_worker,
)
from treadle_worker.executor.handler_call import HandlerCall
from treadle_worker.executor.last_started import LastStarted
from treadle_worker.executor.link import Link
from treadle_worker.executor.loading import (
    Loaded,
    LoadRefused,
    announced,
    shut_down,
    start_up,
)
from treadle_worker.executor.memory import MemoryLimit
from treadle_worker.executor.quick_types import QuickTypes
from treadle_worker.executor.telling import Telling


class _RunUnderWay:
    """Its handler is called only between `has_started` and `has_ended`, each of which is set once."""

    __slots__ = ("call", "has_ended", "has_started", "key", "task")

    def __init__(self, call: HandlerCall) -> None:
        self.call = call
        self.key = call.run.job_id, call.run.fence
        self.has_started = False
        self.has_ended = False
        self.task: asyncio.Task[None] | None = None

    @property
    def is_async(self) -> bool:
        return self.call.loaded.handler.is_async


class Executor:
    """Async handlers run on the loop, sync ones in `threads` threads; each run is answered by one Ended, except those
    that come after Stop. It keeps no time: its worker asks a run to end, and kills what does not.
    """

    def __init__(
        self,
        loaded: Mapping[str, Loaded],
        threads: int,
        last_started: LastStarted,
        memory_limit: MemoryLimit | None,
    ) -> None:
        self._loaded = loaded
        self._last_started = last_started
        self._memory_limit = memory_limit
        self._threads = Threads(threads, thread_name_prefix="handler")
        # So that a run is Started when it has a thread, and not when it begins to wait for one.
        self._free_threads = asyncio.Semaphore(threads)
        self._loop = asyncio.get_running_loop()
        self._tasks = asyncio.TaskGroup()
        self._runs: dict[tuple[UUID, int], _RunUnderWay] = {}
        self._quick_types = QuickTypes(self._loop.time)
        self._begun: list[_RunUnderWay] = []
        """Async ones, in this turn of the loop."""
        self._is_draining = False
        self._stop_asked = asyncio.Event()
        self._link: Link[ToExecutor] | None = None

    async def serve(self, link: Link[ToExecutor]) -> None:
        """Until Stop, or until the worker is gone."""
        self._link = link
        async with self._tasks:
            await self._stop_asked.wait()
            for under_way in list(self._runs.values()):
                self._ask(under_way, Interruption.DRAIN)

    def receive(self, frame: ToExecutor | None) -> None:
        match frame:
            case Run():
                self._take(frame)
            case Ask(job_id=job_id, fence=fence, why=why):
                self._send(Heard(job_id, fence))
                if under_way := self._runs.get((job_id, fence)):
                    self._ask(under_way, why)
            case Drain():
                self._is_draining = True
                for under_way in self._runs.values():
                    under_way.call.telling.announce_drain()
            case Stop() | None:
                self._stop_asked.set()

    def _take(self, run: Run) -> None:
        if self._stop_asked.is_set() or (run.job_id, run.fence) in self._runs:
            return
        loaded = self._loaded.get(run.type)
        if loaded is None:
            error = LookupError(f"no handler for job type {run.type!r}")
            self._send(Ended(run.job_id, run.fence, failure_of(error)))
            return
        telling = Telling(run, self._loop, self._tell)
        if self._is_draining:
            telling.announce_drain()
        call = HandlerCall(loaded=loaded, run=run, telling=telling, memory_limit=self._memory_limit)
        under_way = _RunUnderWay(call)
        self._runs[under_way.key] = under_way
        live = self._on_loop if loaded.handler.is_async else self._in_turn
        under_way.task = self._tasks.create_task(live(under_way))

    async def _on_loop(self, under_way: _RunUnderWay) -> None:
        if not under_way.has_ended:
            self._begin(under_way)
            self._end(under_way, await under_way.call.on_loop())

    def _begin(self, under_way: _RunUnderWay) -> None:
        """The worker can know before the handler is called, after which nothing here may have a turn for long. Ends of
        others do not wait for a handler that may be such a one."""
        run = under_way.call.run
        under_way.has_started = True
        self._last_started.number = run.number
        if not self._begun:
            self._loop.call_soon(self._tell_begun)
        self._begun.append(under_way)
        if not self._quick_types.knows(run.type):
            assert self._link is not None
            self._link.flush()
        self._quick_types.called(run.type)

    def _tell_begun(self) -> None:
        """Of those that have ended their end says it."""
        self._quick_types.turn_ended()
        for under_way in self._begun:
            if not under_way.has_ended:
                self._send(Started(*under_way.key))
        self._begun.clear()

    async def _in_turn(self, under_way: _RunUnderWay) -> None:
        async with self._free_threads:
            if not under_way.has_ended:
                assert self._link is not None
                self._link.send(Started(*under_way.key))
                await self._link.flushed()
            # While it waited it may have been asked to end.
            if not under_way.has_ended:
                under_way.has_started = True
                self._end(under_way, await self._in_thread(under_way.call))

    async def _in_thread(self, call: HandlerCall) -> Outcome:
        try:
            ended = self._loop.run_in_executor(self._threads, call.in_thread)
        except RuntimeError as problem:
            # No thread to be had. It may get the call later all the same: to go on would be to run it twice.
            print(f"executor ends: {problem}", file=sys.stderr)  # noqa: T201 - its only log
            os._exit(1)
        return await ended

    def _ask(self, under_way: _RunUnderWay, why: Interruption) -> None:
        """A sync handler can only be told."""
        first = under_way.call.telling.asked is None
        under_way.call.telling.ask(why)
        if not under_way.has_started:
            self._end(under_way, GivenBack(unstarted=True))
        elif first and under_way.is_async and under_way.task is not None:
            under_way.task.cancel()

    def _end(self, under_way: _RunUnderWay, outcome: Outcome) -> None:
        if not under_way.has_ended:
            under_way.has_ended = True
            del self._runs[under_way.key]
            under_way.call.telling.finish()
            self._send(Ended(*under_way.key, outcome))

    def _tell(self, told: Told) -> None:
        self._send(told)
        if told.checkpoint is not None:
            assert self._link is not None
            # The handler may keep the loop busy from here on, or crash.
            self._link.flush()

    def _send(self, frame: Started | Ended | Heard | Told) -> None:
        assert self._link is not None
        self._link.send(frame)

    async def prepare(self) -> None:
        """To be called when all that is there for every run is there."""
        if self._memory_limit is not None:
            # The stack of the run's thread is not the run's own use.
            await self._loop.run_in_executor(self._threads, _nothing)
            self._memory_limit.enforce()


def _nothing() -> None:
    """Starts a thread."""


async def live(
    end: socket.socket,
    handlers: Handlers,
    loaded: Mapping[str, Loaded],
    threads: int,
    last_started: LastStarted,
    memory_limit: MemoryLimit | None = None,
) -> None:
    """Startup hooks, Ready, runs, shutdown hooks; the worker reads Refused instead if a startup hook raises."""
    executor = Executor(loaded, threads, last_started, memory_limit)
    link = await Link.over(end, from_worker(), executor.receive)
    try:
        await start_up(handlers.startup_hooks)
    except LoadRefused as refused:
        link.send(refused.frame)
    else:
        await executor.prepare()
        link.send(announced(handlers))
        await executor.serve(link)
        for problem in await shut_down(handlers.shutdown_hooks):
            print(problem, file=sys.stderr)  # noqa: T201 - the process has no other log
    link.close()
    await link.lost.wait()
