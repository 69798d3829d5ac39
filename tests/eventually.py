"""Waiting for what becomes true, with a deadline instead of a fixed sleep."""

import asyncio
import time
from collections.abc import Callable


async def eventually(holds: Callable[[], bool], within_seconds: float = 5.0) -> None:
    """Fails the test if it does not hold in time."""
    deadline = time.monotonic() + within_seconds
    while not holds():
        assert time.monotonic() < deadline, "did not become true in time"
        await asyncio.sleep(0.005)
