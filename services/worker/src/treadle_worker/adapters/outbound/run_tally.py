"""What the executors count for those who watch."""

from enum import StrEnum
from typing import Protocol

from treadle_domain.claimed_run import ClaimedRun


class Restart(StrEnum):
    """Why a process that runs share had to be replaced."""

    DIED = "died"
    """By itself."""
    OVERRUN = "overrun"
    """Killed, since one of its runs did not end when it was asked to."""
    VOID = "void"
    """Killed with all others, since the session was lost or the lease nearly over."""
    REFUSED = "refused"
    """It could not load or start the handlers."""


class RunTally(Protocol):
    """Never waits, never fails."""

    def run_began(self, run: ClaimedRun) -> None: ...

    def run_over(self, run: ClaimedRun, seconds: float) -> None:
        """Whether it ended or was killed, after so long."""
        ...

    def executor_restarts(self, why: Restart) -> None: ...


class _NoTally:
    def run_began(self, run: ClaimedRun) -> None: ...

    def run_over(self, run: ClaimedRun, seconds: float) -> None: ...

    def executor_restarts(self, why: Restart) -> None: ...


NO_TALLY = _NoTally()
