"""Handlers that are asked to end, and what they do then."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from treadle import Handlers, Interrupted, JobContext, Permanent, Snooze

handlers = Handlers()


def _raised(error: BaseException) -> Any:
    raise error


DEEDS: dict[str, Callable[[], Any]] = {
    "return": lambda: "done",
    "unserialisable": object,
    "snooze": lambda: _raised(Snooze(7)),
    "permanent": lambda: _raised(Permanent("never")),
    "interrupted": lambda: _raised(Interrupted()),
    "group": lambda: _raised(ExceptionGroup("all", [Interrupted(), Interrupted()])),
    "mixed group": lambda: _raised(ExceptionGroup("both", [Interrupted(), ValueError()])),
    "error": lambda: _raised(ValueError("boom")),
    "exit": lambda: _raised(SystemExit(1)),
    "cancelled": lambda: _raised(asyncio.CancelledError()),
}


@handlers.register("asked")
async def asked(payload: str, context: JobContext) -> Any:
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        assert context.interrupted
    return DEEDS[payload]()


@handlers.register("asked.sync")
def asked_sync(payload: str, context: JobContext) -> Any:
    while not context.interrupted:
        time.sleep(0.002)
    return DEEDS[payload]()


@handlers.register("watch")
async def watch(payload: str, context: JobContext) -> Any:
    """Winds up without being cancelled."""
    while not context.interrupted:  # noqa: ASYNC110 - what it shows is that it sees it
        await asyncio.sleep(0.002)
    return DEEDS[payload]()


@handlers.register("at_once")
async def at_once(payload: str) -> Any:
    return DEEDS[payload]()


@handlers.register("words")
async def words(payload: Any, context: JobContext) -> Any:
    """The reasons that it sees, until it is cancelled; each is told as well."""
    seen: list[Any] = []
    while True:
        try:
            await asyncio.sleep(0.002)
        except asyncio.CancelledError:
            return [*seen, context.interruption]
        if context.interruption and context.interruption not in seen:
            seen.append(context.interruption)
            context.progress(0, context.interruption)


@handlers.register("stubborn")
async def stubborn(payload: float) -> Any:
    """Says how often it was cancelled within the seconds of the payload."""
    cancellations = 0
    end = time.monotonic() + payload
    while time.monotonic() < end:
        try:
            await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            cancellations += 1
    return cancellations


@handlers.register("block")
async def block(payload: float) -> None:
    time.sleep(payload)  # noqa: ASYNC251 - a loop that is blocked


@handlers.register("returning")
def returning(payload: float) -> Any:
    """Has returned at once, but what it returned takes the seconds of the payload to be written."""
    return SlowToWrite(payload)


class SlowToWrite:
    __pydantic_validator__ = None

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def model_dump(self, mode: str) -> str:
        time.sleep(self._seconds)
        return "written"
