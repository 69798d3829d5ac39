"""One timer for many moments, nearly all of which are forgotten before they come."""

import asyncio
import math
from collections.abc import Callable


class Alarm:
    """`ring` is called at the earliest moment that was set, wanted still or not, and says the next one: infinite for
    none. Moments are seconds by the loop's clock."""

    def __init__(self, ring: Callable[[], float]) -> None:
        self._ring = ring
        self._moment = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def set(self, moment: float) -> None:
        if moment < self._moment:
            self.stop()
            self._moment = moment
            self._timer = asyncio.get_running_loop().call_at(moment, self._rings)

    def stop(self) -> None:
        self._moment = math.inf
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _rings(self) -> None:
        self.stop()
        self.set(self._ring())
