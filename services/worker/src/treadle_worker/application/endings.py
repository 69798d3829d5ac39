"""What became of a run, in one word: how it ended as the store ruled."""

from enum import StrEnum

from treadle_domain.outcomes import (
    Failed,
    Lost,
    Outcome,
    Released,
    Ruling,
    Snoozed,
    Succeeded,
    Verdict,
)
from treadle_domain.states import JobState


class Ending(StrEnum):
    SUCCESS = "success"
    RETRY = "retry"
    """It failed, and the job runs again."""
    FAILED = "failed"
    """So did the job, for good."""
    CANCELLED = "cancelled"
    SNOOZED = "snoozed"
    RELEASED = "released"
    """Given back before its code was called."""
    INTERRUPTED = "interrupted"
    """Given back unfinished."""
    LOST = "lost"
    """Its own process died under it, and the job runs again."""
    STALE = "stale"
    """The claim was void: refused."""


def ending_of(outcome: Outcome, verdict: Verdict) -> Ending:
    """An older store does not tell the job's state: then a failure counts as one that is retried."""
    if verdict.state is JobState.SUCCESS:
        return Ending.SUCCESS  # nearly all
    if verdict.ruling is Ruling.STALE:
        return Ending.STALE
    if verdict.state is not None and verdict.state.is_final:
        return Ending(verdict.state.lower())
    if isinstance(outcome, Released):
        return Ending.RELEASED if outcome.unstarted else Ending.INTERRUPTED
    return _ENDINGS[type(outcome)]


_ENDINGS: dict[type[Outcome], Ending] = {
    Succeeded: Ending.SUCCESS,
    Failed: Ending.RETRY,
    Snoozed: Ending.SNOOZED,
    Lost: Ending.LOST,
}
"""Where the job goes on, or nobody says that it does not."""
