"""Runs one handler and says how it ended; nothing that user code raises gets past this."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from treadle import JobContext, Snooze
from treadle.durations import MAX_DELAY, as_duration
from treadle.result import encode_result
from treadle_worker.executor.failures import failure_of, overrun, untellable
from treadle_worker.executor.frames import Outcome, Run, Snoozed, Succeeded
from treadle_worker.executor.loading import Loaded

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def call_async(loaded: Loaded, run: Run) -> Outcome:
    """Cancelled at its timeout. A TimeoutError or CancelledError of the handler's own is an error like others."""
    scope = asyncio.timeout(run.timeout_seconds)
    outcome: Outcome
    try:
        async with scope:
            returned = await loaded.handler.function(*_arguments(loaded, run))
        outcome = Succeeded(encode_result(returned))
    except BaseException as raised:  # noqa: BLE001 - the handler is user code
        outcome = _outcome_of(raised)
    return overrun(run.timeout_seconds, outcome) if scope.expired() else outcome


def call_sync(loaded: Loaded, run: Run, now: Callable[[], float] = time.monotonic) -> Outcome:
    """A thread cannot be stopped: a run that overran is told once it has ended, so that no retry overlaps it."""
    deadline = now() + run.timeout_seconds
    outcome: Outcome
    try:
        outcome = Succeeded(encode_result(loaded.handler.function(*_arguments(loaded, run))))
    except BaseException as raised:  # noqa: BLE001 - the handler is user code
        outcome = _outcome_of(raised)
    return overrun(run.timeout_seconds, outcome) if now() >= deadline else outcome


def _outcome_of(raised: BaseException) -> Outcome:
    try:
        if isinstance(raised, Snooze):
            # Checked again: a subclass may have made it otherwise.
            return Snoozed(as_duration("delay", raised.delay, MAX_DELAY).total_seconds())
        return failure_of(raised)
    except BaseException:  # noqa: BLE001 - its properties and methods are user code
        return untellable(raised)


def _arguments(loaded: Loaded, run: Run) -> tuple[Any, ...]:
    payload = loaded.read_payload(run.payload)
    return (payload, _context(run)) if loaded.handler.takes_context else (payload,)


def _context(run: Run) -> JobContext:
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
    )
