"""One timer stands for many moments."""

import asyncio
import math

from tests.eventually import eventually

from treadle_worker.adapters.outbound.alarm import Alarm


class Rung:
    def __init__(self, *then: float) -> None:
        self.at: list[float] = []
        self._then = [*then]
        self._loop = asyncio.get_running_loop()

    def __call__(self) -> float:
        self.at.append(self._loop.time())
        return self._loop.time() + self._then.pop(0) if self._then else math.inf


async def test_it_rings_at_the_earliest_moment_whatever_was_set_before_or_after() -> None:
    now, rung = asyncio.get_running_loop().time(), Rung()
    alarm = Alarm(rung)

    for moment in (60.0, 0.02, 30.0):
        alarm.set(now + moment)

    await eventually(lambda: len(rung.at) == 1)
    assert 0.01 < rung.at[0] - now < 1.0


async def test_it_rings_again_when_it_is_told_to_and_no_more_once_stopped() -> None:
    rung = Rung(0.0, 0.0, 60.0)
    alarm = Alarm(rung)
    alarm.set(0.0)
    await eventually(lambda: len(rung.at) == 3)

    alarm.set(0.0)
    alarm.stop()
    await asyncio.sleep(0)

    assert len(rung.at) == 3
