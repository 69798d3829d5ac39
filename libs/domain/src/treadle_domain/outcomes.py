"""How a run may end, and how the store rules on the report of an end."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from treadle_domain.bounds import MAX_DELAY, require_duration
from treadle_domain.errors import InvalidValue
from treadle_domain.job_error import ErrorKind, JobError
from treadle_domain.states import JobState

REPORTABLE = frozenset(
    {ErrorKind.ERROR, ErrorKind.PERMANENT, ErrorKind.TIMEOUT, ErrorKind.OOM, ErrorKind.UNSTORABLE}
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's right to one run: void as soon as the job is claimed again."""

    session: UUID
    fence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeeded:
    """The result's bytes travel beside this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Of the kinds that only the store makes (lost, cancelled, expired …) none can be reported.

    `alone`: its process had to be killed to end it, so the next run gets its own.
    """

    error: JobError
    alone: bool = False

    def __post_init__(self) -> None:
        if self.error.kind not in REPORTABLE:
            raise InvalidValue("error.kind", f"must be one of {', '.join(sorted(REPORTABLE))}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Snoozed:
    delay: timedelta

    def __post_init__(self) -> None:
        require_duration("delay_seconds", self.delay, MAX_DELAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """Given back unfinished. `alone`: the run may be what killed its process, so the next one gets its own.
    `unstarted`: its code was never called, so nothing is counted either."""

    alone: bool = False
    unstarted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """The job's own process died under it while it ran alone."""


Outcome = Succeeded | Failed | Snoozed | Released | Lost


class Ruling(StrEnum):
    APPLIED = "applied"
    ALREADY_RECORDED = "already_recorded"
    """A repeat of a report that was applied: nothing changes, and the worker may forget the run."""
    STALE = "stale"
    """The claim is void: refused, and the worker drops the outcome."""


class Verdict(NamedTuple):
    """What the store made of a report. `state`: the job's after it; None if it is STALE, or a store does not tell."""

    ruling: Ruling
    state: JobState | None
