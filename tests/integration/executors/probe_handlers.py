"""Handlers that do to an executor what user code may do to it."""

import asyncio
import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from treadle import Handlers, JobContext, Permanent, Retry, Snooze

handlers = Handlers()


@dataclass
class Order:
    number: int


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@handlers.register(
    "echo", timeout=30, max_attempts=5, retry=Retry(initial=2, maximum=60, multiplier=3, jitter=0)
)
async def echo(payload: Any, context: JobContext) -> Any:
    return {"payload": payload, "attempt": context.attempt, "at": context.created_at}


@handlers.register("echo.sync")
def echo_sync(payload: Any, context: JobContext) -> Any:
    return {"payload": payload, "thread": threading.current_thread() is not threading.main_thread()}


@handlers.register("order")
async def order(payload: Order) -> int:
    return payload.number


class FaultyGetattr(Exception):
    def __getattr__(self, name: str) -> Any:
        return getattr(self, name)


class Nameless(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise RuntimeError("no name")


class OfNoName(Exception, metaclass=Nameless):
    pass


class HollowSnooze(Snooze):
    def __init__(self) -> None:
        Exception.__init__(self, "without a delay")


def _raised(error: BaseException) -> Any:
    raise error


def _deep_chain(length: int) -> None:
    error: BaseException = ValueError("first")
    for number in range(length):
        following = ValueError(number)
        following.__cause__ = error
        error = following
    raise error


def _recursion() -> Any:
    return _recursion()


_DEEDS: dict[str, Callable[[], Any]] = {
    "system_exit": lambda: sys.exit(3),
    "keyboard_interrupt": lambda: _raised(KeyboardInterrupt()),
    "generator_exit": lambda: _raised(GeneratorExit()),
    "group": lambda: _raised(BaseExceptionGroup("both", [SystemExit(1), ValueError("x")])),
    "cancelled": lambda: _raised(asyncio.CancelledError()),
    "timeout_error": lambda: _raised(TimeoutError("theirs")),
    "stop_iteration": lambda: _raised(StopIteration()),
    "value_error": lambda: _raised(ValueError("boom")),
    "permanent": lambda: _raised(Permanent("never")),
    "permanent_in_group": lambda: _raised(
        ExceptionGroup("a", [ValueError(), ExceptionGroup("b", [Permanent("never")])])
    ),
    "snooze": lambda: _raised(Snooze(timedelta(seconds=90))),
    "faulty_getattr": lambda: _raised(FaultyGetattr()),
    "of_no_name": lambda: _raised(OfNoName()),
    "hollow_snooze": lambda: _raised(HollowSnooze()),
    "unspeakable": lambda: _raised(Unspeakable()),
    "surrogate": lambda: _raised(ValueError("\udcff")),
    "huge_message": lambda: _raised(ValueError("x" * 50_000_000)),
    "huge_group": lambda: _raised(ExceptionGroup("many", list(map(ValueError, range(100_000))))),
    "deep_chain": lambda: _deep_chain(100_000),
    "recursion": _recursion,
    "unserialisable": object,
    "too_large": lambda: "x" * 1_048_577,
    "nan": lambda: float("nan"),
}


@handlers.register("raise")
async def raise_async(payload: str) -> Any:
    return _DEEDS[payload]()


@handlers.register("raise.sync")
def raise_sync(payload: str) -> Any:
    return _DEEDS[payload]()


@handlers.register("exit_in_subtask")
async def exit_in_subtask(_: Any) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_exit())


async def _exit() -> None:
    sys.exit(4)


@handlers.register("sleep")
async def sleep(payload: float) -> str:
    await asyncio.sleep(payload)
    return "slept"


@handlers.register("sleep.sync")
def sleep_sync(payload: float) -> str:
    time.sleep(payload)
    return "slept"


@handlers.register("refuse_to_end")
async def refuse_to_end(payload: float) -> str:
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        await asyncio.sleep(payload)
    return "late"


@handlers.register("pid")
async def pid(_: Any) -> int:
    return os.getpid()


@handlers.register("die")
async def die(payload: str) -> None:
    match payload:
        case "exit":
            os._exit(9)
        case "signal":
            os.kill(os.getpid(), signal.SIGKILL)
        case "segfault":
            ctypes.string_at(0)
        case "stop the loop":
            asyncio.get_running_loop().stop()
            await asyncio.sleep(60)


@handlers.register("start_and_wait")
async def start_and_wait(payload: str) -> None:
    """Starts a program of its own and tells its pid in the file named by the payload."""
    process = await asyncio.create_subprocess_exec("sleep", "300")
    text = f"{os.getpid()} {process.pid}"
    Path(payload).write_text(text, encoding="ascii")  # noqa: ASYNC240 - a few bytes
    await process.wait()


@handlers.register("print")
async def printing(_: Any) -> str:
    print("\x00\x00\x00\x05noise" * 100)  # noqa: T201 - what is tested
    os.write(1, b"\xff" * 1_000)
    return "printed"


@handlers.register("modules")
async def modules(_: Any) -> list[str]:
    return sorted({name.partition(".")[0] for name in sys.modules})


@handlers.register("signal_self")
async def signal_self(_: Any) -> str:
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(0.01)
    return "alive"
