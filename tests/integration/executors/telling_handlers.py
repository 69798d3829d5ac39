"""Handlers that tell of their runs, and go on from what an earlier run told."""

import asyncio
import os
import threading
import time
from typing import Any

from treadle import Handlers, JobContext

handlers = Handlers()


@handlers.register("tell")
async def tell(payload: Any, context: JobContext) -> Any:
    _tell(payload, context)


@handlers.register("tell.sync")
def tell_sync(payload: Any, context: JobContext) -> Any:
    _tell(payload, context)


@handlers.register("tell.in_a_thread")
async def tell_in_a_thread(payload: Any, context: JobContext) -> Any:
    await asyncio.to_thread(_tell, payload, context)


def _tell(count: int, context: JobContext) -> None:
    for number in range(1, count + 1):
        context.progress(number / count, f"{number} of {count}")
        context.checkpoint({"done": number})


@handlers.register("tell_and_fail")
def tell_and_fail(payload: Any, context: JobContext) -> Any:
    _tell(payload, context)
    raise ValueError


@handlers.register("tell_when_asked")
async def tell_when_asked(payload: Any, context: JobContext) -> Any:
    try:
        await asyncio.sleep(60)
    finally:
        _tell(payload, context)


@handlers.register("tell_and_block")
async def tell_and_block(payload: float, context: JobContext) -> Any:
    context.checkpoint("before it blocked")
    time.sleep(payload)  # noqa: ASYNC251 - a loop that is blocked


@handlers.register("tell_and_die")
async def tell_and_die(payload: Any, context: JobContext) -> Any:
    context.checkpoint("before it died")
    os._exit(9)


@handlers.register("tell_afterwards")
async def tell_afterwards(payload: Any, context: JobContext) -> Any:
    """Leaves a thread behind that tells on and on."""

    def go_on() -> None:
        while True:
            _tell(2, context)
            time.sleep(0.001)

    threading.Thread(target=go_on, daemon=True).start()


@handlers.register("tell_for")
async def tell_for(payload: float, context: JobContext) -> Any:
    end = time.monotonic() + payload
    while time.monotonic() < end:
        context.progress(0.5)
        context.checkpoint("again")
        await asyncio.sleep(0)


@handlers.register("go_on")
def go_on(payload: Any, context: JobContext) -> Any:
    return context.checkpoint_state


@handlers.register("nothing")
async def nothing(payload: Any) -> None:
    """Ends at once."""
