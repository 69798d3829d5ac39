"""Requests timed by their answers."""

import time
from collections.abc import Callable, Sequence

from bench.figures import Figure
from bench.http_client import Answer
from bench.rig import Rig


def measure_answers(group: str, rig: Rig, ask: Callable[[], Sequence[Answer]]) -> list[Figure]:
    """Per second, p50 and p99 of the answers, and the CPU that a request cost in each process."""
    before, began = rig.cpu_seconds(), time.monotonic()
    times = sorted(answer.seconds for answer in ask())
    seconds, count = time.monotonic() - began, len(times)
    spent = rig.cpu_seconds()
    values = {
        "requests/s": count / seconds,
        "p50 ms": times[count // 2] * 1e3,
        "p99 ms": times[count * 99 // 100] * 1e3,
    } | {f"{name} µs": (spent[name] - before[name]) / count * 1e6 for name in spent}
    return [Figure(group=group, name=name, value=value) for name, value in values.items()]
