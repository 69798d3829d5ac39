"""Whether this worker can do its work: what readiness is answered from, without asking anybody."""

from collections.abc import Callable
from datetime import timedelta

LONGEST_DEAFNESS = timedelta(seconds=60)
QUEUE_CHECK_PERIOD = timedelta(seconds=30)


class Vitals:
    """`monotonic` gives seconds that never go back."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._now = monotonic
        self._lease = timedelta(0)
        self.losses = 0
        """Sessions in a row that ended before the store had answered anything for them."""
        self._store_answered_at: float | None = None
        self._queue_silent_since: float | None = None
        self._queue_failures = 0
        self._queue_checked_at: float | None = None
        self._queue_problem: str | None = None
        self.draining = False
        self.fenced = False
        """What ran is asked to end, since no heartbeat was acknowledged in time."""

    def session_opened(self, lease: timedelta) -> None:
        self._lease = lease
        self._store_answered_at = self._now()

    def session_lost(self) -> None:
        self.losses += 1
        self._store_answered_at = self._queue_silent_since = None

    def store_answered(self) -> None:
        self._store_answered_at = self._now()
        self.losses = 0

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

    @property
    def queue_check_is_due(self) -> bool:
        """Not while the queue fails: then there is nobody to ask."""
        if self._queue_failures:
            return False
        checked_at = self._queue_checked_at
        return checked_at is None or self._now() - checked_at >= QUEUE_CHECK_PERIOD.total_seconds()

    def queue_checked(self, problem: str | None) -> None:
        self._queue_checked_at = self._now()
        self._queue_problem = problem

    @property
    def deaf_for(self) -> timedelta:
        """How long the ready queue has been silent while it was asked."""
        since = self._queue_silent_since
        return timedelta(0) if since is None else timedelta(seconds=self._now() - since)

    def complaint(self) -> str | None:
        """Why it is not ready, in a sentence; None when it is."""
        if self._store_answered_at is None:
            return "no session with the store yet"
        if self.draining:
            return "stopping"
        if self.fenced:
            return "no heartbeat was acknowledged in time"
        if self._now() - self._store_answered_at > self._lease.total_seconds() / 2:
            return "the store has not answered for half a lease"
        if self.deaf_for > LONGEST_DEAFNESS:
            return f"Redis has not answered for {LONGEST_DEAFNESS.total_seconds():.0f} s"
        return self._queue_problem
