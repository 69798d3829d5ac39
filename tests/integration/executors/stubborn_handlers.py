"""Handlers that do not end when they should, each in another way, after they made the file that they are given."""

import asyncio
import contextlib
import os
import signal
import stat
import time
from pathlib import Path
from typing import Any

from treadle import Handlers, JobContext

handlers = Handlers()


@handlers.register("nap")
async def nap(payload: float) -> str:
    await asyncio.sleep(payload)
    return "slept"


@handlers.register("pid")
async def pid(_: Any) -> int:
    return os.getpid()


@handlers.register("own.pid", isolated=True, concurrency=5)
async def own_pid(_: Any) -> int:
    return os.getpid()


@handlers.register("own.nap", isolated=True)
async def own_nap(payload: float) -> int:
    await asyncio.sleep(payload)
    return os.getpid()


@handlers.register("die")
async def die(_: Any) -> None:
    os._exit(9)


@handlers.register("blocking_call")
def blocking_call(payload: str) -> None:
    """Says that it goes on, as long as it does."""
    while True:
        Path(payload).touch()
        time.sleep(0.01)


@handlers.register("c_loop")
def c_loop(payload: str) -> int:
    """Holds the interpreter lock: nothing else happens in this process."""
    Path(payload).touch()
    return sum(range(10**12))


@handlers.register("blocked_loop")
async def blocked_loop(payload: str) -> None:
    Path(payload).touch()  # noqa: ASYNC240 - quick
    while True:
        pass


@handlers.register("swallow")
async def swallow(payload: str) -> None:
    Path(payload).touch()  # noqa: ASYNC240 - quick
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            continue


@handlers.register("freeze")
def freeze(payload: str) -> None:
    Path(payload).touch()
    os.kill(os.getpid(), signal.SIGSTOP)


@handlers.register("garble")
async def garble(_: Any) -> None:
    """Writes into every socket, also into the one that leads to the worker."""
    for descriptor in range(3, 256):
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                os.write(descriptor, b"\x00\x00\x00\x02\xff\xff")
    await asyncio.sleep(60)


@handlers.register("close_all")
def close_all(_: Any) -> None:
    """In a moment when all other threads wait for something to read."""
    time.sleep(0.05)
    os.closerange(3, 256)
    time.sleep(60)


@handlers.register("grandchild")
async def grandchild(payload: str) -> None:
    process = await asyncio.create_subprocess_shell(f"sleep 600 & echo $! > {payload}; wait")
    await process.wait()


@handlers.register("leave_behind")
async def leave_behind(payload: str) -> None:
    await (await asyncio.create_subprocess_shell(f"sleep 600 & echo $! > {payload}")).wait()
    os._exit(0)


@handlers.register("polite")
def polite(payload: str, context: JobContext) -> str:
    """A loop that looks whether it may go on."""
    Path(payload).touch()
    while not context.interrupted:
        time.sleep(0.01)
    return str(context.interruption)
