"""SIGINT, SIGTERM and SIGHUP as exceptions in the main thread."""

import signal
import time
from types import FrameType

# One Ctrl-C may arrive twice: from the terminal, and from a parent that passes it on.
ECHO_SECONDS = 0.5


class StopAsked(BaseException):
    """Raised out of whatever the main thread does, as KeyboardInterrupt is."""


class StopSignals:
    """The first raises StopAsked; while we stop, only a later Ctrl-C does so again, and only once."""

    def __init__(self) -> None:
        self._stopping_since: float | None = None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._arrived)

    def stopping(self) -> None:
        """We stop for a reason of our own: the next signal is not the first."""
        if self._stopping_since is None:
            self._stopping_since = time.monotonic()

    def _arrived(self, number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._stopping_since is None:
            self._stopping_since = now
            raise StopAsked
        if number == signal.SIGINT and now - self._stopping_since > ECHO_SECONDS:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            raise StopAsked
