"""What the executors and the rest of the worker say to each other beyond the domain's own words.

A run goes to them as `treadle_domain.claimed_run.ClaimedRun` and comes back as a `RunReport`; what a handler asks for
is a `treadle_domain.run_policy.RunOptions`. A run that its process died under comes back as `Released(alone=True)`, or
as `Lost()` if that process was its own; one that had to be killed as `Failed(alone=True)` if its time was up, else as
`Released(alone=True)`; one that was killed beside it or with all as `Released()`, and as `Released(unstarted=True)` if
its code was never called.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

JobKind = tuple[str, str]
"""Its queue and its type."""


class Interruption(StrEnum):
    """Why a run is asked to end. The words are those that handlers see."""

    TIMEOUT = "timeout"
    CANCEL = "cancel"
    DRAIN = "drain"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorLimits:
    """`by_type`: how many runs of a job type at once, for those types that have a limit. `alone`: how many at once in
    a process of their own, which those of the types `isolated` always get."""

    by_type: Mapping[str, int] = field(default_factory=dict)
    isolated: frozenset[str] = frozenset()
    alone: int = 1


class HandlersRefused(Exception):
    """The user's handlers cannot be loaded or started: `reason` is one line, `traceback` may be empty."""

    def __init__(self, reason: str, traceback: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.traceback = traceback
