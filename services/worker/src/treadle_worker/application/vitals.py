"""Whether this worker can do its work: what readiness is answered from, without asking anybody."""

from collections.abc import Callable
from datetime import timedelta

LONGEST_DEAFNESS = timedelta(seconds=60)


class Vitals:
    """`monotonic` gives seconds that never go back."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._now = monotonic
        self._lease = timedelta(0)
        self._store_answered_at: float | None = None
        self._queue_silent_since: float | None = None
        self._queue_failures = 0
        self.draining = False

    def session_opened(self, lease: timedelta) -> None:
        self._lease = lease
        self.store_answered()

    def store_answered(self) -> None:
        self._store_answered_at = self._now()

    def queue_asked(self) -> None:
        """Only a worker that asks can be deaf: one whose slots are all taken is at work."""
        if self._queue_silent_since is None:
            self._queue_silent_since = self._now()

    def queue_answered(self) -> None:
        self._queue_silent_since = None
        self._queue_failures = 0

    def queue_failed(self) -> int:
        """Returns how often in a row."""
        self._queue_failures += 1
        return self._queue_failures

    def complaint(self) -> str | None:
        """Why it is not ready, in a sentence; None when it is."""
        if self._store_answered_at is None:
            return "no session with the store yet"
        if self.draining:
            return "stopping"
        if self._now() - self._store_answered_at > self._lease.total_seconds() / 2:
            return "the store has not answered for half a lease"
        silent_since = self._queue_silent_since
        if (
            silent_since is not None
            and self._now() - silent_since > LONGEST_DEAFNESS.total_seconds()
        ):
            return f"Redis has not answered for {LONGEST_DEAFNESS.total_seconds():.0f} s"
        return None
