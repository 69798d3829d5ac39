"""What the worker of the end-to-end tests can do."""

import asyncio
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

from treadle import Handlers, Interrupted, JobContext, Permanent, Retry, Snooze

handlers = Handlers()
_QUICK = Retry(initial=0.05, maximum=1.0, multiplier=2.0)


@handlers.register("echo")
async def echo(payload: Any, context: JobContext) -> Any:
    return payload


@handlers.register("where")
async def where(payload: Any, context: JobContext) -> dict[str, Any]:
    return {"pid": os.getpid(), "thread": threading.current_thread().name}


@handlers.register("sync")
def sync(payload: dict[str, float], context: JobContext) -> dict[str, Any]:
    time.sleep(payload.get("seconds", 0))
    return {"thread": threading.current_thread().name}


@handlers.register("append")
async def append(payload: dict[str, str], context: JobContext) -> None:
    """One line per run: short appends to a file are not torn."""
    with Path(payload["file"]).open("a") as ledger:  # noqa: ASYNC230
        ledger.write(f"{context.job_id}\n")


@handlers.register("one_by_one", concurrency=1)
async def one_by_one(payload: dict[str, str], context: JobContext) -> int:
    """Tells when it begins and ends, and in which worker."""
    worker = os.getppid()
    with Path(payload["file"]).open("a", buffering=1) as ledger:  # noqa: ASYNC230
        ledger.write(f"{worker} begins\n")
        await asyncio.sleep(0.3)
        ledger.write(f"{worker} ends\n")
    return worker


@handlers.register("one_seat", timeout=0.5, max_attempts=1, concurrency=1)
async def one_seat(payload: str, context: JobContext) -> str:
    """Ends as the payload says."""
    match payload:
        case "error":
            raise ValueError(payload)
        case "timeout" | "cancel":
            await asyncio.sleep(60)
        case "snooze" if context.fence == 1:
            raise Snooze(0.05)
        case "death" if context.fence == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        case "exit":
            raise SystemExit(3)
    return payload


@handlers.register("sleep")
async def sleep(payload: dict[str, float], context: JobContext) -> str:
    await asyncio.sleep(payload["seconds"])
    return "rested"


@handlers.register("polite")
def polite(payload: Any, context: JobContext) -> None:
    """Sync code that looks whether it should end."""
    while not context.interrupted:
        time.sleep(0.01)
    raise Interrupted


@handlers.register("steps")
def steps(payload: dict[str, int], context: JobContext) -> str:
    """The first run does half of the steps and waits for its interruption, the next one goes on from there."""
    begun_at = context.checkpoint_state or 0
    for step in range(begun_at, payload["steps"]):
        context.checkpoint(step)
        context.progress(step / payload["steps"], f"step {step}")
        if context.fence == 1 and step == payload["steps"] // 2:
            while not context.interrupted:
                time.sleep(0.01)
            raise Interrupted
    context.progress(1)
    return f"went on from step {begun_at}"


@handlers.register("fail", max_attempts=3, retry=_QUICK)
async def fail(payload: dict[str, Any], context: JobContext) -> None:
    raise ValueError(f"attempt {context.attempt} of {context.max_attempts} failed")


@handlers.register("hopeless", max_attempts=5)
async def hopeless(payload: Any, context: JobContext) -> None:
    raise Permanent("no use")


@handlers.register("later")
async def later(payload: Any, context: JobContext) -> str:
    """Snoozes once: by then the fence has grown beyond the attempts."""
    if context.fence == 1:
        raise Snooze(0.05)
    return f"attempt {context.attempt}, fence {context.fence}"


@handlers.register("slow", timeout=0.2, max_attempts=1)
async def slow(payload: Any, context: JobContext) -> None:
    await asyncio.sleep(60)


@handlers.register("die", max_attempts=1)
async def die(payload: Any, context: JobContext) -> str:
    """Ends its process on the first run."""
    if context.fence == 1:
        os._exit(7)
    return "survived"
