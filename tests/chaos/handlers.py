"""What the workers of the chaos tests run: the well behaved, the slow, the stubborn and the deadly."""

import ctypes
import os
import signal
import subprocess
from typing import Any

from tests.chaos.ledger import Ledger

from treadle import Handlers, Interrupted, JobContext, Permanent, Retry, Snooze

handlers = Handlers()
LOOP_TIMEOUT_SECONDS = 1.0
_SOON = Retry(initial=0.2, maximum=1.0, multiplier=2.0)
_ROUNDS = 1_000_000
"""Of a loop in C that takes about a tenth of a second."""
_STEP_SECONDS = 0.2


@handlers.register("work")
async def work(payload: dict[str, Any], context: JobContext) -> dict[str, int]:
    ledger = Ledger.begin(payload, context)
    await ledger.nap(payload["seconds"])
    return ledger.end()


@handlers.register("thread")
def thread(payload: dict[str, Any], context: JobContext) -> dict[str, int]:
    ledger = Ledger.begin(payload, context)
    ledger.hold(payload["seconds"])
    return ledger.end()


@handlers.register("blocked-loop")
async def blocked_loop(payload: dict[str, Any], context: JobContext) -> dict[str, int]:
    ledger = Ledger.begin(payload, context)
    ledger.hold(payload["seconds"])
    return ledger.end()


@handlers.register("snoozes")
async def snoozes(payload: dict[str, Any], context: JobContext) -> dict[str, int]:
    ledger = Ledger.begin(payload, context)
    if context.fence <= payload["times"]:
        raise Snooze(0.3)
    return ledger.end()


@handlers.register("fails", max_attempts=3, retry=_SOON)
async def fails(payload: dict[str, Any], context: JobContext) -> dict[str, int]:
    """`until`: the attempt that succeeds, if there is one."""
    ledger = Ledger.begin(payload, context)
    if context.attempt < payload["until"]:
        raise ValueError(f"attempt {context.attempt} fails")
    return ledger.end()


@handlers.register("hopeless", max_attempts=3)
def hopeless(payload: dict[str, Any], context: JobContext) -> None:
    Ledger.begin(payload, context)
    raise Permanent("no use")


@handlers.register("c-loop", timeout=LOOP_TIMEOUT_SECONDS, max_attempts=2, retry=_SOON)
async def c_loop(payload: dict[str, Any], context: JobContext) -> dict[str, int]:
    """Hears nothing, and lets nothing else of its process run."""
    ledger = Ledger.begin(payload, context)
    ledger.hold(payload["seconds"], do=_sum)
    return ledger.end()


@handlers.register("c-loop-in-a-thread", timeout=LOOP_TIMEOUT_SECONDS, max_attempts=1)
def c_loop_in_a_thread(payload: dict[str, Any], context: JobContext) -> dict[str, int]:
    ledger = Ledger.begin(payload, context)
    ledger.hold(payload["seconds"], do=_sum)
    return ledger.end()


@handlers.register("spin")
def spin(payload: dict[str, Any], context: JobContext) -> dict[str, int]:
    """Its first run holds the GIL in C for ever, and has started a program; the next one ends at once."""
    if context.fence == 1:
        subprocess.Popen(["sleep", "600"])
    ledger = Ledger.begin(payload, context)
    if context.fence == 1:
        sum(range(10**12))
    return ledger.end()


@handlers.register("deadly")
async def deadly(payload: dict[str, Any], context: JobContext) -> None:
    """Ends its process, each time."""
    Ledger.begin(payload, context)
    match payload["how"]:
        case "exit":
            os._exit(7)
        case "segfault":
            ctypes.string_at(0)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)


@handlers.register("offspring")
async def offspring(payload: dict[str, Any], context: JobContext) -> dict[str, int]:
    """Leaves a process behind that nobody waits for."""
    ledger = Ledger.begin(payload, context)
    subprocess.Popen(["sleep", "600"])  # noqa: ASYNC220
    await ledger.nap(payload["seconds"])
    return ledger.end()


@handlers.register("isolated", isolated=True)
async def isolated(payload: dict[str, Any], context: JobContext) -> dict[str, int]:
    ledger = Ledger.begin(payload, context)
    await ledger.nap(payload["seconds"])
    return ledger.end()


@handlers.register("greedy", isolated=True, memory_mb=64, max_attempts=1)
def greedy(payload: dict[str, Any], context: JobContext) -> None:
    Ledger.begin(payload, context)
    eaten = []
    while True:
        eaten.append(bytearray(1 << 20))


@handlers.register("limited", concurrency=2)
async def limited(payload: dict[str, Any], context: JobContext) -> dict[str, int]:
    ledger = Ledger.begin(payload, context)
    await ledger.nap(payload["seconds"])
    return ledger.end()


@handlers.register("steps")
async def steps(payload: dict[str, Any], context: JobContext) -> dict[str, int]:
    """Goes on where the run before it was interrupted, and keeps how far it came when it is itself."""
    ledger = Ledger.begin(payload, context)
    for step in range(_resumed(ledger), payload["steps"]):
        context.progress(step / payload["steps"])
        context.checkpoint({"job": str(context.job_id), "fence": context.fence, "step": step})
        if context.interrupted:
            ledger.write(f"kept:{step}")
            raise Interrupted
        await ledger.nap(_STEP_SECONDS)
    return ledger.end()


def _resumed(ledger: Ledger) -> int:
    """The step to go on with; that of another job, or of a run that is yet to come, is no state of ours."""
    context = ledger.context
    state = context.checkpoint_state
    if state is None:
        return 0
    if state["job"] != str(context.job_id) or state["fence"] >= context.fence:
        raise Permanent(f"fence {context.fence} got {state}")
    ledger.write(f"resumed:{state['step']}")
    step: int = state["step"]
    return step


def _sum(_: float) -> None:
    sum(range(_ROUNDS))
