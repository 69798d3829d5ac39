"""Handlers that want much: memory, output, the processor."""

import asyncio
import os
import re
import subprocess
import sys
from typing import Any

from treadle import Handlers, JobContext

handlers = Handlers()

MIB = 1_048_576


class OutOfSpace(MemoryError):
    pass


def _devour(how: str) -> Any:
    match how:
        case "at_once":
            return len(bytearray(1_024 * MIB))
        case "bit_by_bit":
            held = []
            while True:
                held.append(bytearray(100_000))
        case "small_objects":
            return len([str(number) for number in range(100_000_000)])
        case "subclass":
            raise OutOfSpace
        case "group":
            raise ExceptionGroup("a", [ValueError(), ExceptionGroup("b", [MemoryError()])])
        case "result":
            return "x" * 900_000
        case "modest":
            return len(bytearray(24 * MIB))
    return None


@handlers.register("devour", isolated=True, memory_mb=64, concurrency=3)
async def devour(payload: str) -> Any:
    return _devour(payload)


@handlers.register("devour.sync")
def devour_sync(payload: str) -> Any:
    return _devour(payload)


@handlers.register("devour.to_thread")
async def devour_to_thread(payload: str) -> Any:
    return await asyncio.to_thread(_devour, payload)


@handlers.register("print")
def printing(payload: int) -> int:
    """As many MiB by print, and as many by a program."""
    line = "x" * 1_023
    for _ in range(payload):
        for _ in range(1_024):
            print(line)  # noqa: T201 - what is tested
    program = f"import sys\nfor _ in range({payload}): sys.stderr.write('x' * {MIB})"
    return subprocess.run([sys.executable, "-c", program], check=True).returncode


@handlers.register("regex")
def regex(payload: Any) -> Any:
    """Never lets go of the interpreter."""
    return re.match(r"(a+)+$", "a" * 64 + "b")


@handlers.register("stdio_nonblocking")
def stdio_nonblocking(payload: Any) -> None:
    """As programs do that were given a pipe."""
    for descriptor in (1, 2):
        os.set_blocking(descriptor, False)


@handlers.register("niceness")
async def niceness(payload: Any) -> int:
    return os.nice(0)


@handlers.register("tell_at_the_limit")
async def tell_at_the_limit(payload: Any, context: JobContext) -> Any:
    context.checkpoint("before")
    return _devour("bit_by_bit")
