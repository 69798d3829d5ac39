"""How much a caller may ask for."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """A bucket of `burst` that is filled again by `per_second`; both are above zero."""

    per_second: float
    burst: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """`remaining`: so many more may come at once. `wait`: until one may come."""

    granted: bool
    remaining: int
    wait: timedelta


class RateLimits(Protocol):
    """One bucket for each caller, whichever process is asked."""

    async def take(self, caller_id: str, limit: RateLimit) -> Allowance | None:
        """One out of the bucket, if one is in it. None: nobody can tell. Answers within a tenth of a second and never
        raises."""
        ...

    def charge(self, caller_id: str, cost: int, limit: RateLimit) -> None:
        """Takes what was let in already: what is not in the bucket is owed, and has to come in before the next one is
        granted. A hint: it is lost where nobody can tell."""
        ...
