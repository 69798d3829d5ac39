"""How long a failed job waits before its next attempt."""

import math
from dataclasses import dataclass
from datetime import timedelta

from treadle_domain.bounds import MAX_DELAY, require_duration
from treadle_domain.errors import InvalidValue

MAX_MULTIPLIER = 1_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Exponential: initial x multiplier^(attempt - 1), never above maximum.

    `jitter` is the share of each delay that is left to chance: 0 none, 1 "full jitter". The default of one half keeps
    herds apart and lets each delay be at least as long as the one before, until the maximum is reached.
    """

    initial: timedelta = timedelta(seconds=1)
    maximum: timedelta = timedelta(hours=1)
    multiplier: float = 2.0
    jitter: float = 0.5

    def __post_init__(self) -> None:
        require_duration("retry.maximum", self.maximum, MAX_DELAY)
        require_duration("retry.initial", self.initial, self.maximum)
        if not 1.0 <= self.multiplier <= MAX_MULTIPLIER:
            raise InvalidValue("retry.multiplier", f"must be between 1 and {MAX_MULTIPLIER:.0f}")
        if not 0.0 <= self.jitter <= 1.0:
            raise InvalidValue("retry.jitter", "must be between 0 and 1")

    def delay(self, attempt: int, chance: float) -> timedelta:
        """`attempt` counts from 1, `chance` lies in [0, 1)."""
        return self._ceiling(attempt) * (1.0 - self.jitter * chance)

    def _ceiling(self, attempt: int) -> timedelta:
        # Compared as logarithms: multiplier ** attempt would overflow long before it is capped.
        headroom = math.log(self.maximum / self.initial)
        if (attempt - 1) * math.log(self.multiplier) >= headroom:
            return self.maximum
        return min(self.maximum, self.initial * self.multiplier ** (attempt - 1))
