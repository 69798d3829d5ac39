"""Whoever submits, in a process of its own: `python -m bench.load_generator PLAN`, a Plan as JSON.

It says `ready`, begins at a line from its standard input and tells at the end what it did, as JSON.
"""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from bench.http_client import post
from bench.keep_alive import open_connections, send_all

BATCH = 1_000
BATCHES_AT_ONCE = 2
CONNECTIONS = 32
WRK = shutil.which("wrk")
_LUA = Path(__file__).with_name("post.lua")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`batches`: `jobs`, 1,000 a call. `singly`: for `seconds`, one POST each, as fast as they are answered.
    `steadily`: `per_second` for `seconds`, sent when their time has come whatever the answers do.
    `first`: the number of the first job."""

    how: Literal["batches", "singly", "steadily"]
    ports: list[int]
    first: int = 0
    jobs: int = 0
    seconds: float = 0
    per_second: float = 0
    type: str = "noop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """`answered`: jobs that the API said it has. `late_p99_ms`: how late requests were sent whose time was given."""

    answered: int
    cpu_seconds: float = 0
    late_p99_ms: float = 0


def main() -> None:
    plan = Plan(**json.loads(sys.argv[1]))
    send = {"batches": _batches, "singly": _singly, "steadily": _steadily}[plan.how](plan)
    print("ready", flush=True)
    sys.stdin.readline()
    before = _cpu_seconds()
    sent = send()
    print(json.dumps(asdict(replace(sent, cpu_seconds=_cpu_seconds() - before))))


def _batches(plan: Plan) -> Callable[[], Sent]:
    numbers = range(plan.first, plan.first + plan.jobs)
    batches = [numbers[start : start + BATCH] for start in range(0, plan.jobs, BATCH)]
    requests = [
        post("/v1/jobs/batch", b"[" + b",".join(_job(plan, number) for number in batch) + b"]")
        for batch in batches
    ]
    connections = open_connections(plan.ports, BATCHES_AT_ONCE)

    def send() -> Sent:
        send_all(connections, iter(requests), b"200")
        return Sent(answered=plan.jobs)

    return send


def _singly(plan: Plan) -> Callable[[], Sent]:
    if WRK and len(plan.ports) == 1:
        return lambda: _by_wrk(WRK, plan)
    connections = open_connections(plan.ports, CONNECTIONS)

    def requests() -> Iterator[bytes]:
        number, deadline = plan.first, time.monotonic() + plan.seconds
        while time.monotonic() < deadline:
            yield post("/v1/jobs", _job(plan, number))
            number += 1

    return lambda: Sent(answered=send_all(connections, requests(), b"201"))


def _by_wrk(wrk: str, plan: Plan) -> Sent:
    """It hangs up in the middle of its last requests: more jobs may be there than it tells."""
    options = ["-t1", f"-c{CONNECTIONS}", f"-d{plan.seconds:.0f}s", "-s", str(_LUA)]
    told = subprocess.run(
        [wrk, *options, f"http://127.0.0.1:{plan.ports[0]}"],
        env={**os.environ, "BENCH_FIRST": str(plan.first)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    counted = re.search(r"(\d+) requests in", told)
    if counted is None or "Non-2xx" in told or "Socket errors" in told:
        raise RuntimeError(told)
    return Sent(answered=int(counted[1]))


def _steadily(plan: Plan) -> Callable[[], Sent]:
    """A payload's `t` is when its request was to be sent, so a late one counts as slow and not as late."""
    connections = open_connections(plan.ports, CONNECTIONS)
    count, gap_ns = int(plan.per_second * plan.seconds), int(1e9 / plan.per_second)

    def send() -> Sent:
        began_ns, late_ns = time.monotonic_ns(), list[int]()
        for index in range(count):
            connection, due_ns = connections[index % CONNECTIONS], began_ns + index * gap_ns
            if connection.is_waiting:
                connection.take_answer(b"201")
            time.sleep(max(0, due_ns - time.monotonic_ns()) / 1e9)
            late_ns.append(time.monotonic_ns() - due_ns)
            connection.send(post("/v1/jobs", _job(plan, plan.first + index, due_ns)))
        for connection in connections:
            if connection.is_waiting:
                connection.take_answer(b"201")
        return Sent(answered=count, late_p99_ms=sorted(late_ns)[count * 99 // 100] / 1e6)

    return send


def _job(plan: Plan, number: int, sent_ns: int = 10**15) -> bytes:
    return b'{"type":"%s","payload":{"i":%d,"t":%d,"to":"user@example.com","x":"abcd"}}' % (
        plan.type.encode(),
        number,
        sent_ns,
    )


def _cpu_seconds() -> float:
    """That of ended children too: wrk is one."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    main()
