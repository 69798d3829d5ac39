"""Seconds that go on while the machine sleeps, the same in every process of it: what deadlines are told in."""

import sys
import time

if sys.platform == "linux":

    def boot_seconds() -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

else:
    boot_seconds = time.monotonic
