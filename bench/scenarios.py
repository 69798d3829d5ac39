"""What can be measured: each scenario runs on a rig of its own and returns a line per piece of work."""

import asyncio
from collections.abc import Callable, Mapping
from itertools import repeat

from bench.http_client import Answer, ask, get
from bench.load import UNSERVED, post_batches, post_singly, submit_in_batches
from bench.measure import Measured, measure, measure_answers
from bench.rig import Rig
from bench.waiting import wait

_LISTERS = 8


def smoke(rig: Rig) -> list[Measured]:
    """From the first submit to the last end."""
    return [
        measure("single POSTs", 3_200, rig, lambda: post_singly(rig.api_port, 3_200)),
        measure("batches over REST", 10_000, rig, lambda: post_batches(rig.api_port, 10_000)),
        measure("batches over gRPC", 10_000, rig, lambda: submit_in_batches(rig, 10_000)),
    ]


def rest(rig: Rig) -> list[Measured]:
    """The calls that clients make most, against one API process; nothing runs meanwhile."""
    submitted = measure_answers(
        "POST /v1/jobs", rig, lambda: post_singly(rig.api_port, 10_000, UNSERVED)
    )
    newest = rig.stack.client.get("/v1/jobs?limit=1").json()["items"][0]

    def read(path: str, count: int, connections: int) -> list[Answer]:
        requests = repeat(get(path), count)
        return asyncio.run(ask("127.0.0.1", rig.api_port, requests, 200, connections))

    return [
        submitted,
        measure_answers("GET by id", rig, lambda: read(f"/v1/jobs/{newest['id']}", 5_000, 32)),
        measure_answers(
            "list, 50 of 10,000", rig, lambda: read("/v1/jobs?limit=50", 1_500, _LISTERS)
        ),
        measure_answers(
            "list by queue", rig, lambda: read("/v1/jobs?queue=unserved", 1_500, _LISTERS)
        ),
    ]


SCENARIOS: Mapping[str, Callable[[Rig], list[Measured]]] = {
    "smoke": smoke,
    "rest": rest,
    "wait": wait,
}
