"""One executor process as its worker sees it."""

import asyncio
import contextlib
import math
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Self
from uuid import UUID

from treadle.interruption import Interruption as Why
from treadle_domain.claimed_run import ClaimedRun
from treadle_domain.outcomes import Outcome, Released
from treadle_worker.adapters.outbound.executor_codec import frame_of
from treadle_worker.adapters.outbound.guard_process import Guard
from treadle_worker.adapters.outbound.run_results import RunResults
from treadle_worker.adapters.outbound.run_under_way import (
    RunUnderWay,
    fate_in_a_death,
    fate_in_a_kill,
)
from treadle_worker.application.runs import Interruption
from treadle_worker.executor.frames import (
    Ask,
    Drain,
    Ended,
    Heard,
    Ready,
    Refused,
    Started,
    Stop,
    ToExecutor,
    Told,
    ToWorker,
    from_executor,
)
from treadle_worker.executor.last_started import LastStarted
from treadle_worker.executor.link import Link

_LAST_FRAMES_SECONDS = 1.0
_STARTS_WITHIN_SECONDS = 0.1
_LONGEST_STOP_SECONDS = 2.0
"""A worker that stops has been waiting for its runs before, and has to be gone 30 s after it was told to."""
_FEW_UNSTARTED = 4
_MOST_UNSTARTED = 16
"""What a process whose loop is blocked can keep from the others: few, but more than one, so that it need not wait for
each; more as long as it starts them soon, so that short runs share the cost of a write."""
_SOON_SECONDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What an executor runs. `own`: for one run only."""

    handlers: str
    threads: int
    stop_grace: timedelta
    own: bool = False
    memory_mb: int | None = None
    """What the run may use beyond what the process has when it is ready."""

    def command(self, descriptor: int, last_started: int) -> list[str]:
        command = [sys.executable, "-m", "treadle_worker.executor", "--handlers", self.handlers]
        command += ["--threads", str(self.threads), "--fd", str(descriptor)]
        command += ["--last-started-fd", str(last_started)]
        if self.memory_mb is not None:
            command += ["--memory-mb", str(self.memory_mb)]
        return command


class ExecutorProcess:
    """`runs` are those sent and not ended. A run that does not end within the grace of being asked takes the process
    with it, and all time is kept here: the process itself may be busy with user code for ever.

    It leads a process group of its own, so that what user code started is killed with it.
    """

    def __init__(
        self,
        program: Program,
        process: asyncio.subprocess.Process,
        results: RunResults,
        guard: Guard,
        has_room: Callable[[], None],
        last_started: LastStarted,
    ) -> None:
        self.runs: dict[tuple[UUID, int], RunUnderWay] = {}
        self._unstarted: dict[tuple[UUID, int], float] = {}
        self._unheard: set[tuple[UUID, int]] = set()
        """Those that were asked to end, and the process has not answered."""
        self._most_unstarted = _FEW_UNSTARTED
        self._sent = 0
        self._last_started = last_started
        self._look_timer: asyncio.TimerHandle | None = None
        self.is_ready = False
        self.has_ended_a_run = False
        self.program = program
        self._process = process
        self._results = results
        self._guard = guard
        self._has_room = has_room
        self._loop = asyncio.get_running_loop()
        self._greeting: Ready | Refused | None = None
        self._greeted = asyncio.Event()
        self._asked_to_stop = False
        self._killed = False
        self._is_reaped = False
        self._overran = False
        self._stop_timer: asyncio.TimerHandle | None = None
        self._link: Link[ToWorker] | None = None

    @classmethod
    async def start(
        cls, program: Program, results: RunResults, guard: Guard, has_room: Callable[[], None]
    ) -> Self:
        """`has_room` is called when it takes runs again. OSError, or RuntimeError for want of a thread, when the
        system has no more memory, processes or descriptors to give."""
        last_started, memory = LastStarted.made()
        ours, theirs = socket.socketpair()
        with theirs, os.fdopen(memory):
            try:
                process = await asyncio.create_subprocess_exec(
                    *program.command(theirs.fileno(), memory),
                    pass_fds=(theirs.fileno(), memory),
                    stdin=asyncio.subprocess.DEVNULL,
                    start_new_session=True,
                )
            except BaseException:
                ours.close()
                raise
        guard.born(process.pid)
        executor = cls(program, process, results, guard, has_room, last_started)
        executor._link = await Link.over(ours, from_executor(), executor._receive)
        return executor

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def takes_runs(self) -> bool:
        has_room = len(self._unstarted) < self._most_unstarted
        return self.is_ready and not self.program.own and has_room and not self._is_late

    @property
    def load(self) -> tuple[bool, int]:
        """The higher, the less should it be given: a loop that may be blocked counts most."""
        return bool(self._unheard), len(self.runs)

    @property
    def _is_late(self) -> bool:
        """It has not started the oldest that it was given: its loop is blocked, or has no thread left."""
        oldest = next(iter(self._unstarted.values()), math.inf)
        return self._loop.time() - oldest > _STARTS_WITHIN_SECONDS

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
        key = run.job_id, run.fence
        self._sent += 1
        timer = self._loop.call_later(run.timeout.total_seconds(), self._time_is_up, key)
        self.runs[key] = RunUnderWay(run=run, number=self._sent, timer=timer)
        self._unstarted[key] = self._loop.time()
        if self._look_timer is None:
            self._look_timer = self._loop.call_later(_SOON_SECONDS, self._look_again)
        self._write(frame_of(run, self._sent))

    def ask(self, key: tuple[UUID, int], why: Interruption) -> None:
        state = self.runs.get(key)
        if state is None or state.asked is not None:
            return
        state.asked = why
        self._unheard.add(key)
        self._write(Ask(*key, Why(why.value)))
        state.timer.cancel()
        grace = self.program.stop_grace.total_seconds()
        state.timer = self._loop.call_later(grace, self._grace_is_over, state)

    def announce_drain(self) -> None:
        self._write(Drain())

    def ask_to_stop(self) -> None:
        """Its shutdown hooks have two seconds, or the grace if that is less; then it is killed. So it is at once if it
        is not ready yet, and nothing is lost."""
        if self._greeting is None:
            self.kill()
        elif not self._asked_to_stop:
            self.is_ready = False
            self._asked_to_stop = True
            self._write(Stop())
            seconds = min(_LONGEST_STOP_SECONDS, self.program.stop_grace.total_seconds())
            self._stop_timer = self._loop.call_later(seconds, self.kill)

    def kill(self) -> None:
        """Its end is known when `gone` returns."""
        self._killed = True
        self._kill_group()

    async def gone(self) -> int:
        """The exit status, after the last frame that the process sent was handled."""
        assert self._link is not None
        status = await self._process.wait()
        # What user code started lives on in the group, and what it forked may hold the socket open for ever.
        self._kill_group()
        self._is_reaped = True
        self._guard.gone(self._process.pid)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_FRAMES_SECONDS):
                await self._link.lost.wait()
        self._link.close()
        self._cancel_timers()
        return status

    def died_by_itself(self, status: int) -> bool:
        return not (self._killed or self._overran or (self._asked_to_stop and status == 0))

    def fate_of(self, state: RunUnderWay, status: int) -> Outcome:
        """What becomes of a run that is left when the process is gone."""
        self._look()
        own = self.program.own
        if self.died_by_itself(status):
            return fate_in_a_death(state, own=own)
        if self._overran:
            blocked = not any(run.overdue and run.heard for run in self.runs.values())
            return fate_in_a_kill(state, own=own, loop_was_blocked=blocked)
        return Released()

    def _write(self, frame: ToExecutor) -> None:
        assert self._link is not None
        self._link.send(frame)

    def _receive(self, frame: ToWorker | None) -> None:
        match frame:
            case Ended():
                self._end(frame)
            case Started():
                self._started((frame.job_id, frame.fence))
            case Told():
                if (frame.job_id, frame.fence) in self.runs:
                    self._results.told(frame)
            case Heard():
                if state := self.runs.get((frame.job_id, frame.fence)):
                    state.heard = True
                    self._unheard.discard((frame.job_id, frame.fence))
            case Ready() | Refused():
                self._greeting = frame
                self.is_ready = isinstance(frame, Ready)
                self._greeted.set()
            case None:
                self._cut_off()

    def _end(self, frame: Ended) -> None:
        """Forgotten after it is reported: an end that cannot be must come back with the process."""
        if state := self.runs.get((frame.job_id, frame.fence)):
            self._results.ended(state.run, frame)
            del self.runs[frame.job_id, frame.fence]
            state.timer.cancel()
            self._unheard.discard((frame.job_id, frame.fence))
            self.has_ended_a_run = True
            if self.program.own:
                self.ask_to_stop()
            self._no_longer_unstarted((frame.job_id, frame.fence))

    def _started(self, key: tuple[UUID, int]) -> None:
        state = self.runs.get(key)
        if state is not None and state.started_at is None:
            state.started_at = self._loop.time()
            self._no_longer_unstarted(key)

    def _look(self) -> None:
        """At what the process may be unable to say."""
        last = self._last_started.number
        for key in tuple(self._unstarted):
            state = self.runs[key]
            if state.number <= last and self._is_async(state.run.type):
                self._started(key)

    def _look_again(self) -> None:
        self._look()
        self._look_timer = None
        if self._unstarted:
            self._look_timer = self._loop.call_later(_SOON_SECONDS, self._look_again)

    def _is_async(self, type: str) -> bool:
        handlers = self._greeting.handlers if isinstance(self._greeting, Ready) else {}
        return type in handlers and handlers[type].is_async

    def _no_longer_unstarted(self, key: tuple[UUID, int]) -> None:
        if (sent_at := self._unstarted.pop(key, None)) is None:
            return
        was_soon = self._loop.time() - sent_at < _SOON_SECONDS
        more = min(self._most_unstarted + 1, _MOST_UNSTARTED)
        self._most_unstarted = more if was_soon else _FEW_UNSTARTED
        if self.takes_runs:
            self._has_room()

    def _time_is_up(self, key: tuple[UUID, int]) -> None:
        """Since it was sent: what the process was late to start it by is given on top."""
        if (state := self.runs.get(key)) is None:
            return
        self._look()
        now = self._loop.time()
        due = (
            now
            if state.started_at is None
            else state.started_at + state.run.timeout.total_seconds()
        )
        if due > now:
            state.timer = self._loop.call_at(due, self._time_is_up, key)
        else:
            self.ask(key, Interruption.TIMEOUT)

    def _grace_is_over(self, state: RunUnderWay) -> None:
        state.overdue = self._overran = True
        self._kill_group()

    def _cancel_timers(self) -> None:
        for state in self.runs.values():
            state.timer.cancel()
        for timer in (self._stop_timer, self._look_timer):
            if timer is not None:
                timer.cancel()

    def _cut_off(self) -> None:
        """Without its socket it cannot report: what it still runs must not go on."""
        self._greeted.set()
        self.is_ready = False
        if not self._asked_to_stop:
            self._kill_group()

    def _kill_group(self) -> None:
        self.is_ready = False
        if self._is_reaped:
            # Its number may be another's by now.
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
