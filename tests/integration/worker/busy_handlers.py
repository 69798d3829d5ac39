"""Handlers that leave nothing to others: of the processor, of the loop, of the log, of the socket to the worker."""

import asyncio
import sys
import time
from typing import Any

from treadle import Handlers, JobContext

handlers = Handlers()

_LINE = "x" * 1_000 + "\n"
_KIB_64 = "y" * 65_000


@handlers.register("echo")
async def echo(payload: Any, context: JobContext) -> Any:
    return payload


@handlers.register("block")
async def block(seconds: float) -> None:
    """Its executor's loop."""
    _spin(seconds)


@handlers.register("spin")
def spin(seconds: float) -> None:
    """In a thread."""
    _spin(seconds)


@handlers.register("c_loop")
async def c_loop(payload: Any) -> int:
    """One call that never lets go of the interpreter, nor ends."""
    return sum(range(10**15))


@handlers.register("shout")
def shout(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sys.stdout.write(_LINE * 100)


@handlers.register("tell")
async def tell(seconds: float, context: JobContext) -> None:
    """A large checkpoint in every turn of the loop."""
    end, number = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        number += 1
        context.checkpoint([number, _KIB_64])
        context.progress(0.5, f"note {number}")
        await asyncio.sleep(0)


@handlers.register("large")
async def large(payload: int) -> str:
    return "z" * payload


def _spin(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
