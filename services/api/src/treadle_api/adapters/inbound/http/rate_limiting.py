"""Callers that ask for too much, told as draft-ietf-httpapi-ratelimit-headers-10 has it."""

import math

from prometheus_client import CollectorRegistry, Counter
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from treadle_api.adapters.inbound.http.callers import Callers
from treadle_api.adapters.inbound.http.problems import Problem, ProblemType
from treadle_api.application.caller import Caller
from treadle_api.application.limit_rate import LimitRate
from treadle_api.application.rate_limits import Allowance, RateLimit
from treadle_domain.api_key import Role

_HEADERS = "treadle.rate_limit"


class LimitedCallers:
    """Knows who asks before it counts: whoever shows no key that counts uses up nobody's limit."""

    def __init__(
        self, callers: Callers, limit_rate: LimitRate, registry: CollectorRegistry
    ) -> None:
        self._callers = callers
        self._limit_rate = limit_rate
        answers = Counter(
            "treadle_api_rate_limit_answers",
            "Requests of callers with a limit; unknown: let in because Redis did not tell",
            ["answer"],
            registry=registry,
        )
        self._granted, self._refused, self._unknown = map(
            answers.labels, ("granted", "refused", "unknown")
        )

    async def __call__(self, request: Request, role: Role) -> Caller:
        caller = await self._callers(request, role)
        limit = self._limit_rate.limit_of(caller)
        if limit is not None:
            allowance = await self._limit_rate(caller, limit)
            if allowance is None:
                self._unknown.inc()
            else:
                self._tell(request, limit, allowance)
        return caller

    def _tell(self, request: Request, limit: RateLimit, allowance: Allowance) -> None:
        """Raises Problem if it was refused."""
        seconds = max(1, math.ceil(allowance.wait.total_seconds()))
        window = math.ceil(limit.burst / limit.per_second)
        request.scope[_HEADERS] = (
            (b"ratelimit-policy", b'"default";q=%d;w=%d' % (limit.burst, window)),
            (b"ratelimit", b'"default";r=%d;t=%d' % (allowance.remaining, seconds)),
        )
        if allowance.granted:
            self._granted.inc()
            return
        self._refused.inc()
        detail = f"More than {limit.per_second} requests a second. Nothing was done."
        raise Problem(ProblemType.RATE_LIMITED, detail, headers={"Retry-After": f"{seconds}"})


def tell_rate_limit(scope: Scope, answer: Response) -> None:
    """Whatever a request is answered, how much more its caller may ask for is in the headers."""
    answer.raw_headers.extend(scope.get(_HEADERS, ()))
