"""Handlers whose processes become several."""

import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from treadle import Handlers, JobContext

handlers = Handlers()


def _forked(payload: dict[str, str], context: JobContext) -> int | None:
    """The fork returns or raises out of the handler; None in it, its exit status in the other."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    context.progress(1, "of the fork")
    context.checkpoint("of the fork")
    match payload["how"]:
        case "exit":
            sys.exit(7)
        case "error":
            raise ValueError("in the fork")
    return None


@handlers.register("fork")
async def fork(payload: Any, context: JobContext) -> Any:
    return _forked(payload, context)


@handlers.register("fork.sync")
def fork_sync(payload: Any, context: JobContext) -> Any:
    return _forked(payload, context)


@handlers.register("fork.to_thread")
async def fork_to_thread(payload: Any, context: JobContext) -> Any:
    return await asyncio.to_thread(_forked, payload, context)


@handlers.register("fork.subtask")
async def fork_subtask(payload: Any, context: JobContext) -> Any:
    async def inner() -> Any:
        return _forked(payload, context)

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(inner())
    return task.result()


@handlers.register("fork.awaits")
async def fork_awaits(payload: Any, context: JobContext) -> Any:
    """The fork goes on awaiting, as though it had a loop."""
    pid = os.fork()
    if not pid:
        await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])  # noqa: ASYNC222 - it ends at once


@handlers.register("fork.and_leave")
def fork_and_leave(payload: Any) -> int:
    """The fork lives on for long and holds whatever it inherited."""
    pid = os.fork()
    if not pid:
        time.sleep(60)
        os._exit(0)
    return pid


@handlers.register("line")
async def line(payload: str) -> None:
    """Writes a line in every turn of the loop."""
    with Path(payload).open("a", encoding="ascii") as file:  # noqa: ASYNC230 - a few bytes
        for _ in range(200):
            file.write(f"{os.getpid()}\n")
            file.flush()
            await asyncio.sleep(0)


@handlers.register("pool")
def pool(payload: str) -> list[int]:
    with multiprocessing.get_context(payload).Pool(2) as pool:
        return pool.map(abs, [-1, -2, -3])


@handlers.register("pool.async")
async def pool_async(payload: str) -> list[int]:
    return pool(payload)


@handlers.register("programs")
def programs(payload: int) -> int:
    return sum(subprocess.run(["true"], check=True).returncode for _ in range(payload))


@handlers.register("programs.async")
async def programs_async(payload: int) -> int:
    codes = 0
    for _ in range(payload):
        process = await asyncio.create_subprocess_exec("true")
        codes += await process.wait()
    return codes


@handlers.register("signal")
def signal_fork(payload: int) -> list[int]:
    """What forks ended with that were told to stop as soon as they were there."""
    statuses = []
    for _ in range(payload):
        pid = os.fork()
        if not pid:
            time.sleep(5)
            os._exit(0)
        os.kill(pid, signal.SIGTERM)
        statuses.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    return sorted(set(statuses))


@handlers.register("pid")
async def pid(_: Any) -> int:
    return os.getpid()


@handlers.register("pid.sync")
def pid_sync(_: Any) -> tuple[int, int]:
    return os.getpid(), threading.active_count()
