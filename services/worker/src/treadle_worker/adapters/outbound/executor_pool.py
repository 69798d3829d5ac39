"""The processes that run user code: kept alive, given runs, asked to stop, killed."""

import asyncio
import contextlib
import signal
from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import TracebackType
from typing import Self

import structlog

from treadle_domain.claimed_run import ClaimedRun, RunReport
from treadle_domain.outcomes import Released
from treadle_domain.run_policy import RunOptions
from treadle_worker.adapters.outbound.executor_codec import options_of, report, report_of
from treadle_worker.adapters.outbound.executor_process import ExecutorProcess
from treadle_worker.application.runs import HandlersRefused
from treadle_worker.executor.frames import Ended, Ready, Refused

_log = structlog.get_logger()

_STOP_GRACE = timedelta(seconds=5)
_START_LIMIT = timedelta(seconds=30)
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 10.0
_LONG_LIFE_SECONDS = 60.0


class ExecutorPool:
    """Each run that is put in comes out of `ended` once, whatever becomes of its process.

    A process that dies by itself is replaced, after a growing pause if the last ones ended no run either; its runs come
    back as Released(alone=True), since one of them may have killed it. Runs that were killed with their process by us,
    or that never reached one, come back as Released().
    """

    def __init__(
        self,
        handlers: str,
        processes: int,
        threads: int,
        stop_grace: timedelta = _STOP_GRACE,
        start_limit: timedelta = _START_LIMIT,
    ) -> None:
        self._reference = handlers
        self._seats = processes
        self._threads = threads
        self._stop_grace = stop_grace
        self._start_limit = start_limit
        self._handlers: dict[str, RunOptions] = {}
        self._processes: set[ExecutorProcess] = set()
        self._waiting: list[ClaimedRun] = []
        self._reports: list[RunReport] = []
        self._reported = asyncio.Event()
        self._leaving = asyncio.Event()
        self._tasks = asyncio.TaskGroup()
        self._first_starts: asyncio.Queue[HandlersRefused | None] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        """HandlersRefused if one of the processes cannot load or start the handlers."""
        await self._tasks.__aenter__()
        for _ in range(self._seats):
            self._tasks.create_task(self._keep_filled())
        try:
            await self._started()
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
        """Asks the processes to stop and kills after the grace; what they did not end comes back as Released()."""
        for process in self._processes:
            process.ask_to_stop()
        await self._leave()

    @property
    def handlers(self) -> Mapping[str, RunOptions]:
        return self._handlers

    @property
    def pids(self) -> Sequence[int]:
        return [process.pid for process in self._processes]

    def run(self, run: ClaimedRun) -> None:
        """To the least loaded process; while all are being replaced it waits for the first that is ready."""
        ready = [process for process in self._processes if process.is_ready]
        if ready:
            min(ready, key=lambda process: len(process.runs)).send(run)
        elif self._leaving.is_set():
            self._report(report(run, Released()))
        else:
            self._waiting.append(run)

    async def ended(self) -> Sequence[RunReport]:
        """Waits for at least one; may be cancelled without losing any."""
        await self._reported.wait()
        self._reported.clear()
        reports, self._reports = self._reports, []
        return reports

    def kill(self) -> None:
        """At once. Runs come back when the code that ran them is gone; the processes are replaced."""
        for process in self._processes:
            process.kill()
        self._release_waiting()

    async def _started(self) -> None:
        for _ in range(self._seats):
            if refusal := await self._first_starts.get():
                raise refusal

    async def _leave(self) -> None:
        self._leaving.set()
        self._release_waiting()
        loop = asyncio.get_running_loop()
        deadline = loop.call_later(self._stop_grace.total_seconds(), self.kill)
        try:
            await self._tasks.__aexit__(None, None, None)
        finally:
            deadline.cancel()

    async def _keep_filled(self) -> None:
        """One seat of the pool: a process in it as long as the pool is open."""
        loop, is_first, failures = asyncio.get_running_loop(), True, 0
        while not self._leaving.is_set():
            born = loop.time()
            failure = await self._one_life(is_first)
            if isinstance(failure, HandlersRefused) and is_first:
                self._first_starts.put_nowait(failure)
                return
            is_first = False
            if failure is None or loop.time() - born > _LONG_LIFE_SECONDS:
                failures = 0
            if failure is not None:
                failures += 1
                await self._pause(failures, str(failure))

    async def _one_life(self, is_first: bool) -> HandlersRefused | str | None:
        """What is wrong with a process that was never ready, or with one that died before it had ended any run."""
        try:
            process = await ExecutorProcess.start(self._reference, self._threads, self._ended)
        except OSError as error:
            return HandlersRefused(f"no executor can be started: {error}")
        self._processes.add(process)
        try:
            greeting = await self._welcomed(process, is_first)
            status = await process.gone()
            self._bury(process, status)
            return self._failure(process, greeting, status)
        finally:
            self._processes.discard(process)
            process.kill()

    async def _welcomed(self, process: ExecutorProcess, is_first: bool) -> Ready | Refused | None:
        if self._leaving.is_set():
            process.kill()
        greeting = await process.greeting(self._start_limit)
        if isinstance(greeting, Refused):
            process.kill()
        if not isinstance(greeting, Ready):
            return greeting
        if is_first:
            self._handlers = {name: options_of(said) for name, said in greeting.handlers.items()}
            self._first_starts.put_nowait(None)
        waiting, self._waiting = self._waiting, []
        for run in waiting:
            self.run(run)
        return greeting

    def _bury(self, process: ExecutorProcess, status: int) -> None:
        alone = process.died_by_itself(status)
        if alone:
            _log.warning(
                "executor died", pid=process.pid, status=_words(status), runs=len(process.runs)
            )
        for run in process.runs.values():
            self._report(report(run, Released(alone=alone)))
        process.runs.clear()

    def _failure(
        self, process: ExecutorProcess, greeting: Ready | Refused | None, status: int
    ) -> HandlersRefused | str | None:
        if isinstance(greeting, Refused):
            return HandlersRefused(greeting.reason, greeting.traceback)
        if not process.died_by_itself(status):
            return None
        if isinstance(greeting, Ready):
            return None if process.has_ended_a_run else f"it ended with {_words(status)}"
        return HandlersRefused(
            f"the executor ended with {_words(status)} while it loaded {self._reference}"
        )

    async def _pause(self, failures: int, reason: str) -> None:
        """Ends early when the pool is left."""
        seconds = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2 ** min(failures, 10))
        _log.error("executor failed", reason=reason, failures=failures, next_try_seconds=seconds)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._leaving.wait()

    def _ended(self, run: ClaimedRun, ended: Ended) -> None:
        self._report(report_of(run, ended))

    def _report(self, report: RunReport) -> None:
        self._reports.append(report)
        self._reported.set()

    def _release_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for run in waiting:
            self._report(report(run, Released()))


def _words(status: int) -> str:
    if status >= 0:
        return f"status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:  # most of the real-time ones have no name
        return f"signal {-status}"
