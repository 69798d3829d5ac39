"""One executor process as its worker sees it."""

import asyncio
import contextlib
import math
import os
import signal
import socket
from collections.abc import Callable
from datetime import timedelta
from typing import Self
from uuid import UUID

from treadle.interruption import Interruption as Why
from treadle_domain.claimed_run import ClaimedRun
from treadle_domain.outcomes import Outcome, Released
from treadle_worker.adapters.outbound.alarm import Alarm
from treadle_worker.adapters.outbound.executor_codec import frame_of
from treadle_worker.adapters.outbound.guard_process import Guard
from treadle_worker.adapters.outbound.program import Program
from treadle_worker.adapters.outbound.run_results import RunResults
from treadle_worker.adapters.outbound.run_under_way import (
    RunUnderWay,
    fate_in_a_death,
    fate_in_a_kill,
)
from treadle_worker.adapters.outbound.unstarted import Unstarted
from treadle_worker.application.runs import Interruption
from treadle_worker.executor.frames import (
    Ask,
    Drain,
    Ended,
    GivenBack,
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
_LONGEST_STOP_SECONDS = 2.0
"""A worker that stops has been waiting for its runs before, and has to be gone 30 s after it was told to."""


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
        self._unstarted = Unstarted(last_started, has_room)
        self._unheard: set[tuple[UUID, int]] = set()
        """Those that were asked to end, and the process has not answered."""
        self._deadlines = Alarm(self._look_at_deadlines)
        self._sent = 0
        self.is_ready = False
        self.has_ended_a_run = False
        self.program = program
        self._process = process
        self._results = results
        self._guard = guard
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
        return self.is_ready and not self.program.own and self._unstarted.has_room

    @property
    def load(self) -> tuple[bool, int]:
        """The higher, the less should it be given: a loop that may be blocked counts most."""
        return bool(self._unheard), len(self.runs)

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
        self._sent, now = self._sent + 1, self._loop.time()
        state = RunUnderWay(
            run=run,
            number=self._sent,
            is_async=self._is_async(run.type),
            sent_at=now,
            due=now + run.timeout.total_seconds(),
        )
        self.runs[run.job_id, run.fence] = state
        self._unstarted.add(state)
        self._deadlines.set(state.due)
        self._write(frame_of(run, self._sent))
        self._results.tally.run_began(run)

    def ask(self, key: tuple[UUID, int], why: Interruption) -> None:
        state = self.runs.get(key)
        if state is None or state.asked is not None:
            return
        state.asked = why
        self._unheard.add(key)
        self._write(Ask(*key, Why(why.value)))
        state.due = self._loop.time() + self.program.stop_grace.total_seconds()
        self._deadlines.set(state.due)

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
        self._stop_timers()
        return status

    @property
    def was_overrun(self) -> bool:
        """It was killed because one of its runs did not end when it was asked to."""
        return self._overran

    def died_by_itself(self, status: int) -> bool:
        return not (self._killed or self._overran or (self._asked_to_stop and status == 0))

    def fate_of(self, state: RunUnderWay, status: int) -> Outcome:
        """What becomes of a run that is left when the process is gone."""
        self._unstarted.look()
        own = self.program.own
        if self.died_by_itself(status):
            return fate_in_a_death(state, own=own)
        if self._overran:
            blocked = not any(run.overdue and run.heard for run in self.runs.values())
            return fate_in_a_kill(state, own=own, loop_was_blocked=blocked)
        return Released(unstarted=state.started_at is None)

    def _write(self, frame: ToExecutor) -> None:
        assert self._link is not None
        self._link.send(frame)

    def _receive(self, frame: ToWorker | None) -> None:
        match frame:
            case Ended():
                self._end(frame)
            case Started():
                if state := self.runs.get((frame.job_id, frame.fence)):
                    self._unstarted.started(state)
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
        key = frame.job_id, frame.fence
        if state := self.runs.get(key):
            self._results.ended(state.run, frame)
            if frame.outcome != GivenBack(unstarted=True):
                self._results.tally.run_over(state.run, state.lasted(self._loop.time()))
            del self.runs[key]
            self._unheard.discard(key)
            self.has_ended_a_run = True
            if self.program.own:
                self.ask_to_stop()
            self._unstarted.remove(state)

    def _is_async(self, type: str) -> bool:
        handlers = self._greeting.handlers if isinstance(self._greeting, Ready) else {}
        return type in handlers and handlers[type].is_async

    def _look_at_deadlines(self) -> float:
        now = self._loop.time()
        for key, state in tuple(self.runs.items()):
            if state.due <= now and state.asked is None:
                self._time_is_up(key, state)
            elif state.due <= now:
                self._grace_is_over(state)
        return min((state.due for state in self.runs.values()), default=math.inf)

    def _time_is_up(self, key: tuple[UUID, int], state: RunUnderWay) -> None:
        """Since it was sent: what the process was late to start it by is given on top."""
        self._unstarted.look()
        if state.started_at is not None:
            state.due = state.started_at + state.run.timeout.total_seconds()
        if state.due <= self._loop.time():
            self.ask(key, Interruption.TIMEOUT)

    def _grace_is_over(self, state: RunUnderWay) -> None:
        state.overdue = self._overran = True
        state.due = math.inf
        self._kill_group()

    def _stop_timers(self) -> None:
        self._deadlines.stop()
        self._unstarted.stop()
        if self._stop_timer is not None:
            self._stop_timer.cancel()

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
