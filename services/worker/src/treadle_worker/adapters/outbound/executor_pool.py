"""The processes that run user code: kept alive, given runs, asked to end them, killed."""

import asyncio
import contextlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from types import TracebackType
from typing import Self
from uuid import UUID

import structlog

from treadle_domain.claimed_run import ClaimedRun, RunReport
from treadle_domain.outcomes import Released
from treadle_domain.progress import ProgressReport
from treadle_domain.run_policy import RunOptions
from treadle_worker.adapters.outbound.executor_codec import limits_of, options_of
from treadle_worker.adapters.outbound.executor_failure import bury, failure_of, restart_of
from treadle_worker.adapters.outbound.executor_process import ExecutorProcess
from treadle_worker.adapters.outbound.guard_process import NO_GUARD, Guard
from treadle_worker.adapters.outbound.program import Program
from treadle_worker.adapters.outbound.run_results import RunResults
from treadle_worker.adapters.outbound.run_tally import NO_TALLY, RunTally
from treadle_worker.adapters.outbound.slots import Slots
from treadle_worker.application.runs import ExecutorLimits, HandlersRefused, Interruption
from treadle_worker.executor.frames import HandlerOptions, Ready, Refused

_log = structlog.get_logger()

_Key = tuple[UUID, int]

_STOP_GRACE = timedelta(seconds=5)
_START_LIMIT = timedelta(seconds=30)
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 10.0
_LONG_LIFE_SECONDS = 60.0
_OWN_START_TRIES = 3
_CLOGGED_AFTER_SECONDS = 0.2
_LONGEST_AHEAD = timedelta(seconds=1)


class ExecutorPool:
    """Each run that is put in comes out of `ended` once, whatever becomes of its process.

    As many as there are `slots` have begun at once; what was claimed ahead of them begins in its turn as slots become
    free, and is given back when that has taken longer than `longest_ahead`: others may have slots.
    Every seat of `processes` holds a process that runs share; as many runs again may each have a process of their own,
    started for it. A shared process that dies by itself is replaced, after a growing pause if the last ones ended no
    run either. What becomes of the runs of a process that is gone: see `run_under_way`.
    """

    def __init__(
        self,
        handlers: str,
        processes: int,
        threads: int,
        stop_grace: timedelta = _STOP_GRACE,
        start_limit: timedelta = _START_LIMIT,
        guard: Guard = NO_GUARD,
        slots: int = sys.maxsize,
        longest_ahead: timedelta = _LONGEST_AHEAD,
        tally: RunTally = NO_TALLY,
    ) -> None:
        self._program = Program(handlers=handlers, threads=threads, stop_grace=stop_grace)
        self._seats = processes
        self._start_limit = start_limit
        self._guard = guard
        self._handlers: Mapping[str, RunOptions] = {}
        self._limits = ExecutorLimits()
        self._memory_mb: Mapping[str, int | None] = {}
        self._processes: set[ExecutorProcess] = set()
        self._own_seats = asyncio.Semaphore(processes)
        self._waiting_to_share: dict[_Key, ClaimedRun] = {}
        self._waiting_alone: dict[_Key, ClaimedRun] = {}
        self._shared_at = 0.0
        self._results = RunResults(lambda: self._slots.freed(), tally)
        self._slots = Slots(slots, longest_ahead, self._begin, self._results.not_begun)
        self._draining = False
        self._leaving = asyncio.Event()
        self._tasks = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        """HandlersRefused if one of the processes cannot load or start the handlers."""
        await self._tasks.__aenter__()
        try:
            await self._fill_seats()
        except BaseException:
            self.kill()
            await self._leave()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Asks the processes to stop and kills after the grace; what they did not end comes back."""
        for process in self._processes:
            process.ask_to_stop()
        await self._leave()

    async def _leave(self) -> None:
        self._leaving.set()
        self._release_unsent()
        await self._tasks.__aexit__(None, None, None)

    @property
    def pids(self) -> Sequence[int]:
        return [process.pid for process in self._processes]

    # The port

    @property
    def handlers(self) -> Mapping[str, RunOptions]:
        return self._handlers

    @property
    def limits(self) -> ExecutorLimits:
        return self._limits

    @property
    def are_clogged(self) -> bool:
        waiting_for = asyncio.get_running_loop().time() - self._shared_at
        return bool(self._waiting_to_share) and waiting_for > _CLOGGED_AFTER_SECONDS

    def run(self, run: ClaimedRun) -> None:
        """While there is no process for it, it waits for the first that is ready."""
        if self._leaving.is_set():
            self._results.not_begun(run)
        else:
            self._slots.take(run)

    def ask(self, job_id: UUID, fence: int, why: Interruption) -> None:
        self._release_unsent((job_id, fence))
        for process in self._processes:
            process.ask((job_id, fence), why)

    def ask_all(self, why: Interruption) -> None:
        self._release_unsent()
        for process in self._processes:
            for key in process.runs:
                process.ask(key, why)

    def announce_drain(self) -> None:
        self._draining = True
        self._slots.give_back()
        for process in self._processes:
            process.announce_drain()

    async def told(self) -> Sequence[ProgressReport]:
        return await self._results.next_told()

    async def ended(self) -> Sequence[RunReport]:
        return await self._results.next_ends()

    def kill(self) -> None:
        for process in self._processes:
            process.kill()
        self._release_unsent()

    # Runs that no process has yet

    def _begin(self, run: ClaimedRun) -> None:
        key = run.job_id, run.fence
        if run.must_run_alone or run.type in self._limits.isolated:
            self._waiting_alone[key] = run
            self._tasks.create_task(self._run_alone(key))
        elif not self._waiting_to_share and (process := self._least_loaded()):
            process.send(run)
        else:
            if not self._waiting_to_share:
                self._shared_at = asyncio.get_running_loop().time()
            self._waiting_to_share[key] = run

    def _share_out(self) -> None:
        while self._waiting_to_share and (process := self._least_loaded()):
            self._shared_at = asyncio.get_running_loop().time()
            process.send(self._waiting_to_share.pop(next(iter(self._waiting_to_share))))

    def _least_loaded(self) -> ExecutorProcess | None:
        ready = [process for process in self._processes if process.takes_runs]
        return min(ready, key=lambda process: process.load) if ready else None

    def _release_unsent(self, *only: _Key) -> None:
        self._slots.give_back(*only)
        self._take_back(Released(unstarted=True), *only)

    def _take_back(self, fate: Released, *only: _Key) -> None:
        for waiting in (self._waiting_to_share, self._waiting_alone):
            for key in only or tuple(waiting):
                if run := waiting.pop(key, None):
                    self._results.not_ended(run, fate)

    # Seats

    async def _fill_seats(self) -> None:
        started = [asyncio.get_running_loop().create_future() for _ in range(self._seats)]
        for seat in started:
            self._tasks.create_task(self._keep_filled(seat))
        for seat in started:
            if refusal := await seat:
                raise refusal

    async def _keep_filled(self, started: "asyncio.Future[HandlersRefused | None]") -> None:
        """One seat for a shared process: there is one in it as long as the pool is open."""

        def admit(_: ExecutorProcess, greeting: Ready) -> None:
            if not started.done():
                started.set_result(None)
            if not self._handlers:
                self._learn(greeting.handlers)
            self._share_out()

        loop, failures = asyncio.get_running_loop(), 0
        while not self._leaving.is_set():
            born = loop.time()
            failure = await self._one_life(self._program, admit)
            if isinstance(failure, HandlersRefused) and not started.done():
                started.set_result(failure)
                return
            if failure is None or loop.time() - born > _LONG_LIFE_SECONDS:
                failures = 0
            if failure is not None:
                failures += 1
                await self._pause(failures, str(failure))

    def _learn(self, handlers: Mapping[str, HandlerOptions]) -> None:
        self._handlers = {type: options_of(said) for type, said in handlers.items()}
        self._limits = limits_of(handlers, alone=self._seats)
        self._memory_mb = {type: said.memory_mb for type, said in handlers.items()}

    async def _run_alone(self, key: _Key) -> None:
        """A process for this run, if it is not released before there is one."""

        def send(process: ExecutorProcess, _: Ready) -> None:
            if run := self._waiting_alone.pop(key, None):
                process.send(run)
            else:
                process.ask_to_stop()

        async with self._own_seats:
            for failures in range(1, _OWN_START_TRIES + 1):
                if (run := self._waiting_alone.get(key)) is None:
                    return
                memory_mb = self._memory_mb.get(run.type)
                program = replace(self._program, own=True, memory_mb=memory_mb)
                if failure := await self._one_life(program, send):
                    await self._pause(failures, str(failure))
        # Counted: where no process can be had for it the job must not come back for ever.
        self._take_back(Released(), key)

    async def _one_life(
        self, program: Program, admit: Callable[[ExecutorProcess, Ready], None]
    ) -> HandlersRefused | str | None:
        """What is wrong with a process that was never ready, or with one that died before it had ended any run."""
        try:
            process = await ExecutorProcess.start(
                program, self._results, self._guard, self._share_out
            )
        except (OSError, RuntimeError) as error:
            return HandlersRefused(f"no executor can be started: {error}")
        self._processes.add(process)
        try:
            greeting = await self._welcomed(process)
            if isinstance(greeting, Ready):
                admit(process, greeting)
            status = await process.gone()
            bury(process, self._results, status)
            if not (program.own or self._leaving.is_set()):
                self._results.tally.executor_restarts(restart_of(process, greeting, status))
            return failure_of(process, greeting, status)
        finally:
            self._processes.discard(process)
            process.kill()

    async def _welcomed(self, process: ExecutorProcess) -> Ready | Refused | None:
        if self._leaving.is_set():
            process.kill()
        greeting = await process.greeting(self._start_limit)
        if isinstance(greeting, Refused):
            process.kill()
        if self._draining:
            process.announce_drain()
        return greeting

    async def _pause(self, failures: int, reason: str) -> None:
        """Ends early when the pool is left."""
        seconds = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2 ** min(failures, 10))
        _log.error("executor failed", reason=reason, failures=failures, next_try_seconds=seconds)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._leaving.wait()
