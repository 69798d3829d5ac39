"""Rate limits in memory; tests/contract/test_rate_limits.py asks the same of this and of Redis."""

import math
import time
from collections.abc import Callable
from datetime import timedelta

from treadle_api.application.rate_limits import Allowance, RateLimit


class InMemoryRateLimits:
    """`is_away`: nobody can tell."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.is_away = False
        self._now = now
        self._out: dict[str, tuple[float, float]] = {}

    async def take(self, caller_id: str, limit: RateLimit) -> Allowance | None:
        if self.is_away:
            return None
        granted = self._what_is_out(caller_id, limit) + 1 <= limit.burst
        out = self._take(caller_id, 1 if granted else 0, limit)
        wait = max(0, out + 1 - limit.burst) / limit.per_second
        return Allowance(
            granted=granted,
            remaining=max(0, math.floor(limit.burst - out)),
            wait=timedelta(seconds=wait),
        )

    def charge(self, caller_id: str, cost: int, limit: RateLimit) -> None:
        if not self.is_away:
            self._take(caller_id, cost, limit)

    def _take(self, caller_id: str, cost: int, limit: RateLimit) -> float:
        out = self._what_is_out(caller_id, limit) + cost
        self._out[caller_id] = out, self._now()
        return out

    def _what_is_out(self, caller_id: str, limit: RateLimit) -> float:
        out, since = self._out.get(caller_id, (0.0, 0.0))
        return max(0.0, out - (self._now() - since) * limit.per_second)
