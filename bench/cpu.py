"""Who spent how much CPU."""

import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress

import psutil

from treadle_local.postgres_server import USER

_FIXED_TURNS = 400_000
_EXECUTOR = "treadle_worker.executor"
_BACKEND = f"postgres: {USER} "
_PARTS = {_EXECUTOR: "executors", "treadle_worker.guard": "guard"}


def cpu_seconds(roots: Mapping[str, int], ours: int | None = None) -> dict[str, float]:
    """User and system so far by process, that of children which ended included; workers and PostgreSQL in parts.
    `ours`: the process that serves the benchmark itself, which is left out."""
    spent = defaultdict[str, float](float)
    for name, pid in roots.items():
        for process in _tree(pid):
            with suppress(psutil.NoSuchProcess):
                if process.pid != ours:
                    spent[_label(name, process)] += _seconds(process)
    return spent


def machine_seconds() -> float:
    """Of all processes of the machine together; not from /proc/stat, whose ticks miss what sleeps in between."""
    seconds = 0.0
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            seconds += _seconds(process)
    return seconds


def fixed_loop_milliseconds() -> float:
    """How fast the machine is just now: CPU times of runs compare only as far as these do."""
    began, state = time.process_time(), 0
    for number in range(_FIXED_TURNS):
        state = (state * 31 + number) & 0xFFFF
    return (time.process_time() - began) * 1e3


def first_executor(worker: int) -> int:
    return next(each.pid for each in _tree(worker) if _EXECUTOR in each.cmdline())


def _seconds(process: psutil.Process) -> float:
    """On Linux to the nanosecond, by the clock that clock_getcpuclockid(3) names; that of ended children to 10 ms."""
    times = process.cpu_times()
    ended = times.children_user + times.children_system
    if sys.platform != "linux":
        return times.user + times.system + ended
    try:
        return time.clock_gettime(~process.pid << 3 | 2) + ended
    except OSError as error:
        raise psutil.NoSuchProcess(process.pid) from error


def _tree(pid: int) -> Iterator[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        yield from (root, *root.children(recursive=True))


def _label(name: str, process: psutil.Process) -> str:
    command = process.cmdline()
    if name == "postgres":
        return name if command[0].startswith(_BACKEND) else "postgres background"
    if not name.startswith("worker"):
        return name
    part = next((part for module, part in _PARTS.items() if module in command), "supervisor")
    return f"{name} {part}"
