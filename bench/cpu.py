"""Who spent how much CPU."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress

import psutil

_EXECUTOR = "treadle_worker.executor"
_PARTS = {_EXECUTOR: "executors", "treadle_worker.guard": "guard"}


def cpu_seconds(roots: Mapping[str, int]) -> dict[str, float]:
    """User and system so far by process, that of children which ended included; a worker's parts are told apart."""
    spent = defaultdict[str, float](float)
    for name, pid in roots.items():
        for process in _tree(pid):
            with suppress(psutil.NoSuchProcess):
                spent[_label(name, process)] += sum(process.cpu_times()[:4])
    return spent


def machine_seconds() -> float:
    """Of all processes of the machine together."""
    times = psutil.cpu_times()
    return sum(times) - times.idle - getattr(times, "iowait", 0.0)


def first_executor(worker: int) -> int:
    return next(each.pid for each in _tree(worker) if _EXECUTOR in each.cmdline())


def _tree(pid: int) -> Iterator[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        yield from (root, *root.children(recursive=True))


def _label(name: str, process: psutil.Process) -> str:
    if not name.startswith("worker"):
        return name
    command = process.cmdline()
    part = next((part for module, part in _PARTS.items() if module in command), "supervisor")
    return f"{name} {part}"
