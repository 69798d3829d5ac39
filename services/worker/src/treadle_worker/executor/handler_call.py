"""Runs one handler and says how it ended; nothing that user code raises gets past this."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from treadle import JobContext, Snooze
from treadle.durations import MAX_DELAY, as_duration
from treadle.interruption import Interruption
from treadle.result import encode_result
from treadle_worker.executor.failures import failure_of, is_interrupted, overrun, untellable
from treadle_worker.executor.forks import leave_if_fork
from treadle_worker.executor.frames import (
    Failed,
    FailureKind,
    GivenBack,
    Outcome,
    Run,
    Snoozed,
    Succeeded,
)
from treadle_worker.executor.loading import Loaded
from treadle_worker.executor.memory import MemoryLimit
from treadle_worker.executor.surrounding_trace import in_trace
from treadle_worker.executor.telling import Telling

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True, kw_only=True)
class HandlerCall:
    """One call of one handler. What counts is whether the run was asked to end before the handler was left."""

    loaded: Loaded
    run: Run
    telling: Telling
    memory_limit: MemoryLimit | None = None

    async def on_loop(self) -> Outcome:
        """A CancelledError of the handler's own is an error like others."""
        try:
            with in_trace(self.run.trace_context):
                returned = await self.loaded.handler.function(*self._arguments())
        except BaseException as raised:  # noqa: BLE001 - the handler is user code
            leave_if_fork(raised)
            return self._end_by_raising(raised)
        leave_if_fork()
        return self._end_by_returning(returned)

    def in_thread(self) -> Outcome:
        """To be called by `Threads`, which end forks."""
        try:
            with in_trace(self.run.trace_context):
                returned = self.loaded.handler.function(*self._arguments())
        except BaseException as raised:  # noqa: BLE001 - the handler is user code
            leave_if_fork(raised)
            return self._end_by_raising(raised)
        leave_if_fork()
        return self._end_by_returning(returned)

    def _end_by_returning(self, returned: Any) -> Outcome:
        asked = self.telling.asked
        try:
            outcome: Outcome = Succeeded(encode_result(returned))
        except BaseException as raised:  # noqa: BLE001 - what is encoded is of user code
            outcome = self._outcome_of(raised)
        return self._judged(outcome, asked)

    def _end_by_raising(self, raised: BaseException) -> Outcome:
        asked, interruption = self.telling.asked, self.telling.interruption
        outcome = self._outcome_of(raised, was_interrupted=interruption is not None)
        return self._judged(outcome, asked)

    def _outcome_of(self, raised: BaseException, was_interrupted: bool = False) -> Outcome:
        if self.memory_limit is not None:
            self.memory_limit.lift()
        try:
            if isinstance(raised, Snooze):
                # Checked again: a subclass may have made it otherwise.
                return Snoozed(as_duration("delay", raised.delay, MAX_DELAY).total_seconds())
            if was_interrupted and is_interrupted(raised):
                return GivenBack()
            return failure_of(raised, memory_is_limited=self.memory_limit is not None)
        except BaseException:  # noqa: BLE001 - its properties and methods are user code
            return untellable(raised)

    def _judged(self, outcome: Outcome, asked: Interruption | None) -> Outcome:
        if asked is None:
            return outcome
        if asked is Interruption.TIMEOUT:
            return overrun(self.run.timeout_seconds, outcome)
        match outcome:
            case Succeeded() | Snoozed() | Failed(kind=FailureKind.PERMANENT):
                return outcome
            case _:
                return GivenBack()

    def _arguments(self) -> tuple[Any, ...]:
        payload = self.loaded.read_payload(self.run.payload)
        return (payload, self._context()) if self.loaded.handler.takes_context else (payload,)

    def _context(self) -> JobContext:
        run = self.run
        parent, _, state = (run.trace_context or "").partition(" ")
        return JobContext(
            job_id=run.job_id,
            type=run.type,
            queue=run.queue,
            namespace=run.namespace,
            attempt=run.attempt,
            max_attempts=run.max_attempts,
            fence=run.fence,
            timeout=timedelta(seconds=run.timeout_seconds),
            created_at=_EPOCH + timedelta(microseconds=run.created_at_us),
            metadata=run.metadata,
            checkpoint_state=None if run.checkpoint is None else json.loads(run.checkpoint),
            traceparent=parent or None,
            tracestate=state or None,
            exchange=self.telling,
        )
