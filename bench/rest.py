"""The calls that clients make most, against one API process; nothing runs meanwhile."""

import asyncio
from itertools import repeat

import httpx

from bench.answers import measure_answers
from bench.figures import Figure
from bench.http_client import Answer, ask, get
from bench.load import UNSERVED, post_singly
from bench.rig import Rig

_LISTERS = 8


def rest(rig: Rig, _: int) -> list[Figure]:
    port = rig.api_ports[0]
    submitted = measure_answers("POST /v1/jobs", rig, lambda: post_singly(port, 10_000, UNSERVED))
    [newest] = httpx.get(f"http://127.0.0.1:{port}/v1/jobs?limit=1").json()["items"]

    def read(name: str, path: str, count: int, connections: int) -> list[Figure]:
        def answers() -> list[Answer]:
            requests = repeat(get(path), count)
            return asyncio.run(ask("127.0.0.1", port, requests, 200, connections))

        return measure_answers(name, rig, answers)

    return [
        *submitted,
        *read("GET by id", f"/v1/jobs/{newest['id']}", 5_000, 32),
        *read("list, 50 of 10,000", "/v1/jobs?limit=50", 1_500, _LISTERS),
        *read("list by queue", "/v1/jobs?queue=unserved", 1_500, _LISTERS),
    ]
