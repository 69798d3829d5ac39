"""Clients that wait for the end of their jobs, against one API process."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import repeat
from threading import Event, Thread

import psutil

from bench.answers import measure_answers
from bench.figures import Figure
from bench.http_client import Answer, ask, post
from bench.load import NOOP, UNSERVED
from bench.rig import Rig

_WAITERS = 2_000
_WAIT_SECONDS = 12
_MIB = 2**20


def wait(rig: Rig, _: int) -> list[Figure]:
    """From the submit to the answer; from the end to the answer; and what those cost that wait for nothing."""
    rig.start_workers()
    return [
        *measure_answers("32 clients wait", rig, lambda: _submit(rig, 3_200, 32)),
        *measure_answers("… end to answer", rig, lambda: _after_end(_submit(rig, 1_600, 32))),
        *measure_answers("one client waits", rig, lambda: _submit(rig, 300, 1)),
        *measure_answers("… end to answer ", rig, lambda: _after_end(_submit(rig, 300, 1))),
        *_in_vain(rig),
    ]


def _submit(rig: Rig, jobs: int, clients: int) -> list[Answer]:
    requests = repeat(post("/v1/jobs", NOOP, "prefer: wait=30"), jobs)
    return asyncio.run(ask("127.0.0.1", rig.api_ports[0], requests, 201, clients))


def _submit_in_vain(rig: Rig) -> list[Answer]:
    """All wait at the same time, and did not come at the same time."""
    requests = repeat(post("/v1/jobs", UNSERVED, f"prefer: wait={_WAIT_SECONDS}"), _WAITERS)
    gap = _WAIT_SECONDS / 2 / _WAITERS
    return asyncio.run(ask("127.0.0.1", rig.api_ports[0], requests, 201, _WAITERS, gap))


def _after_end(answers: list[Answer]) -> list[Answer]:
    """Timed from the end that the store recorded, by the clock of this machine."""
    ends = [datetime.fromisoformat(json.loads(a.body)["finished_at"]) for a in answers]
    return [
        a._replace(seconds=a.came_at - end.timestamp())
        for a, end in zip(answers, ends, strict=True)
    ]


def _in_vain(rig: Rig) -> list[Figure]:
    api, group = psutil.Process(rig.apis[0].pid), f"{_WAITERS:,} wait {_WAIT_SECONDS} s"
    memory, threads = api.memory_info().rss, api.num_threads()
    with _highest(api) as highest:
        figures = measure_answers(group, rig, lambda: _submit_in_vain(rig))
    more = {
        "api MiB more": (highest["rss"] - memory) / _MIB,
        "api threads more": highest["threads"] - threads,
    }
    return [*figures, *(Figure(group=group, name=name, value=each) for name, each in more.items())]


@contextmanager
def _highest(process: psutil.Process) -> Iterator[dict[str, int]]:
    highest, is_over = {"rss": 0, "threads": 0}, Event()

    def look() -> None:
        while not is_over.wait(0.1):
            highest["rss"] = max(highest["rss"], process.memory_info().rss)
            highest["threads"] = max(highest["threads"], process.num_threads())

    looking = Thread(target=look)
    looking.start()
    try:
        yield highest
    finally:
        is_over.set()
        looking.join()
