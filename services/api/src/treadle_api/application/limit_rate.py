"""Which limit counts for a caller."""

from dataclasses import dataclass

from treadle_api.application.caller import Caller
from treadle_api.application.rate_limits import Allowance, RateLimit, RateLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRate:
    """`per_second`: of callers that have no limit of their own; 0 for none. As many as may come in `burst_seconds` may
    come at once."""

    rate_limits: RateLimits
    per_second: int
    burst_seconds: int

    def limit_of(self, caller: Caller) -> RateLimit | None:
        per_second = self.per_second if caller.rate_limit is None else caller.rate_limit
        if not per_second:
            return None
        return RateLimit(per_second=per_second, burst=per_second * self.burst_seconds)

    async def __call__(self, caller: Caller, limit: RateLimit) -> Allowance | None:
        """Of one request. None: nobody can tell."""
        return await self.rate_limits.take(_bucket_of(caller), limit)

    def charge(self, caller: Caller, jobs: int) -> None:
        """Those of a batch, beside its request."""
        limit = self.limit_of(caller)
        if limit is not None:
            self.rate_limits.charge(_bucket_of(caller), jobs, limit)


def _bucket_of(caller: Caller) -> str:
    """Where no keys are asked for all share one."""
    return caller.key_id or "all"
