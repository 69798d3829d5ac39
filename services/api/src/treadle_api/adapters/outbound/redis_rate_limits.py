"""Rate limits in Redis, shared by all replicas of the API."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NoReturn

from redis import RedisError
from redis.asyncio import Redis

from treadle_api.adapters.outbound.outage_log import OutageLog
from treadle_api.application.rate_limits import Allowance, RateLimit
from treadle_wire.ready_queue import connecting_anew

_LOOKS = 10
_BETWEEN_LOOKS_SECONDS = 0.005
"""Looks and not only time: a process so busy that it has not read the answer yet is when limits matter most."""
_REST_SECONDS = 1.0
_MOST_AT_ONCE = 500
"""So a script stays well below a millisecond of Redis' time."""

# KEYS: the bucket of each who asks. ARGV, for each: rate, burst, cost, and 1 if it was let in already.
# A bucket tells how much is out of it, and by Redis' clock since when. It is written on every ask: so a clock that was
# set back costs nobody more than the time since.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local answers = {}

local function what_is_out(key, rate)
  local found = redis.pcall('GET', key)
  if type(found) ~= 'string' then return 0 end
  local out, since = string.match(found, '^(%S+) (%S+)$')
  if not (tonumber(out) and tonumber(since)) then return 0 end
  return math.max(0, out - math.max(0, now - since) / 1000000 * rate)
end

for i, key in ipairs(KEYS) do
  local rate, burst = tonumber(ARGV[4 * i - 3]), tonumber(ARGV[4 * i - 2])
  local cost, is_owed = tonumber(ARGV[4 * i - 1]), ARGV[4 * i] == '1'
  local out = what_is_out(key, rate)
  local granted = is_owed or out + 1 <= burst
  if granted then out = out + cost end
  redis.call('SET', key, string.format('%.6f %.0f', out, now), 'PX', math.ceil(out / rate * 1000) + 1)
  answers[#answers + 1] = granted and 1 or 0
  answers[#answers + 1] = math.max(0, math.floor(burst - out))
  answers[#answers + 1] = math.max(0, math.ceil((out + 1 - burst) / rate * 1000))
end
return answers
"""


@dataclass(frozen=True, slots=True, eq=False)
class _Ask:
    key: str
    limit: RateLimit
    cost: int
    is_owed: bool
    answered: asyncio.Future[Allowance | None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def answer(self, allowance: Allowance | None) -> None:
        if not self.answered.done():
            self.answered.set_result(allowance)


class RedisRateLimits:
    """One call is under way at a time; those who ask meanwhile go together into the next one.

    Who has waited for a twentieth of a second for the call is told None, as all are in the second after it ended or
    failed. The call itself is left alone: a command that is cancelled costs its connection.
    """

    def __init__(self, redis: Redis, prefix: str, rest_seconds: float = _REST_SECONDS) -> None:
        self._redis = redis
        self._prefix = f"{{{prefix}}}/rate/"
        self._script = redis.register_script(_TAKE)
        self._rest_seconds = rest_seconds
        self._asks: list[_Ask] = []
        self._filled = asyncio.Event()
        self._is_resting = False
        self._outage = OutageLog("redis, for rate limits")

    async def take(self, caller_id: str, limit: RateLimit) -> Allowance | None:
        if self._is_resting:
            return None
        return await self._ask(caller_id, limit, cost=1, is_owed=False).answered

    def charge(self, caller_id: str, cost: int, limit: RateLimit) -> None:
        if not self._is_resting:
            self._ask(caller_id, limit, cost=cost, is_owed=True)

    async def run(self) -> NoReturn:
        """To be kept running."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._filled.wait()
                asks = self._next()
                call = tasks.create_task(self._call(asks))
                await _patiently(call)
                failure = call.result() if call.done() else "timeout"
                if failure is None:
                    self._outage.answered()
                    continue
                self._outage.failed(failure)
                self._is_resting = True
                self._let_go([*asks, *self._asks])
                await call
                await asyncio.sleep(self._rest_seconds)
                self._is_resting = False

    def _ask(self, caller_id: str, limit: RateLimit, *, cost: int, is_owed: bool) -> _Ask:
        ask = _Ask(self._prefix + caller_id, limit, cost, is_owed)
        self._asks.append(ask)
        self._filled.set()
        return ask

    def _next(self) -> Sequence[_Ask]:
        asks, self._asks = self._asks[:_MOST_AT_ONCE], self._asks[_MOST_AT_ONCE:]
        if not self._asks:
            self._filled.clear()
        return asks

    def _let_go(self, asks: Sequence[_Ask]) -> None:
        self._asks.clear()
        self._filled.clear()
        for ask in asks:
            ask.answer(None)

    async def _call(self, asks: Sequence[_Ask]) -> str | None:
        """The reason if it failed."""
        words: list[float] = []
        for ask in asks:
            words += [ask.limit.per_second, ask.limit.burst, ask.cost, int(ask.is_owed)]
        try:
            async with connecting_anew(self._redis):
                told = iter(await self._script([ask.key for ask in asks], words))
        except (RedisError, OSError) as error:
            return str(error) or type(error).__name__
        for ask, granted, remaining, wait in zip(asks, told, told, told, strict=True):
            ask.answer(
                Allowance(
                    granted=bool(granted), remaining=remaining, wait=timedelta(milliseconds=wait)
                )
            )
        return None


async def _patiently(call: asyncio.Task[str | None]) -> None:
    for _ in range(_LOOKS):
        done, _ = await asyncio.wait((call,), timeout=_BETWEEN_LOOKS_SECONDS)
        if done:
            return
