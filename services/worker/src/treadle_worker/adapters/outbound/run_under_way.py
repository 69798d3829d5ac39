"""A run in an executor process, and what becomes of it when the process is gone."""

import signal
from dataclasses import dataclass

from treadle_domain.claimed_run import ClaimedRun
from treadle_domain.job_error import ErrorKind, JobError
from treadle_domain.outcomes import Failed, Lost, Outcome, Released
from treadle_worker.application.runs import Interruption


@dataclass(slots=True, kw_only=True)
class RunUnderWay:
    """`number`: as it was sent. `due`: when its time is up, or its grace. `heard`: the process answered after it was
    asked, so its loop was not blocked. `overdue`: the grace is over. Moments are by the loop's clock."""

    run: ClaimedRun
    number: int
    is_async: bool
    sent_at: float
    due: float
    started_at: float | None = None
    asked: Interruption | None = None
    heard: bool = False
    overdue: bool = False

    def lasted(self, now: float) -> float:
        """Since its code was called, in seconds, or if that was never told since it was sent."""
        since = self.sent_at if self.started_at is None else self.started_at
        return max(0.0, now - since)


def never_started(fate: Outcome) -> bool:
    return isinstance(fate, Released) and fate.unstarted


def fate_in_a_death(state: RunUnderWay, *, own: bool) -> Outcome:
    """The process died by itself, and any of its runs may be why: Started may have been lost with it."""
    if own and state.asked in (Interruption.LOST, Interruption.DRAIN):
        # The guard may have killed it, or its code ended itself as it was asked to.
        return Released()
    return Lost() if own else Released(alone=True)


def fate_in_a_kill(state: RunUnderWay, *, own: bool, loop_was_blocked: bool) -> Outcome:
    """The process was killed because one of its runs did not end when it was asked to."""
    # One that never started is not to blame, unless nothing else can be.
    if not own and state.started_at is None:
        return Released(unstarted=True)
    if state.asked is Interruption.TIMEOUT:
        return Failed(error=_overrun(state), alone=state.overdue)
    return Released(alone=state.overdue or loop_was_blocked)


def _overrun(state: RunUnderWay) -> JobError:
    seconds = state.run.timeout.total_seconds()
    return JobError(
        kind=ErrorKind.TIMEOUT,
        type="TimeoutError",
        message=f"the run did not end within its timeout of {seconds:g} seconds, and was killed",
    )


def words_for(status: int) -> str:
    """How a process ended."""
    if status >= 0:
        return f"status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:  # most of the real-time ones have no name
        return f"signal {-status}"
