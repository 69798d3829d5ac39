"""Clients that submit jobs all the time, and do what the documents ask of them and no more."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import uuid4

import httpx

_PAUSE_SECONDS = 0.05


@dataclass
class Load:
    """`failures`: all that a client may not see; a 503 that says when to try again is none."""

    ids: list[str] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    unavailable: int = 0


@contextmanager
def clients(url: str, key: str, count: int) -> Iterator[Load]:
    load, stop = Load(), threading.Event()
    threads = [
        threading.Thread(target=_submit_until, args=(stop, load, url, key)) for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)


def _submit_until(stop: threading.Event, load: Load, url: str, key: str) -> None:
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=url, headers=headers, timeout=30) as client:
        while not stop.is_set():
            _submit(client, load)
            stop.wait(_PAUSE_SECONDS)


def _submit(client: httpx.Client, load: Load) -> None:
    idempotency_key = {"Idempotency-Key": str(uuid4())}
    while True:
        try:
            answer = client.post(
                "/v1/jobs", json={"type": "echo", "payload": [1]}, headers=idempotency_key
            )
        except httpx.TransportError as error:
            load.failures[repr(error)] += 1
            return
        if answer.status_code == httpx.codes.CREATED:
            load.ids.append(answer.json()["id"])
            return
        if answer.status_code != 503 or "retry-after" not in answer.headers:
            load.failures[f"{answer.status_code} {answer.text[:200]}"] += 1
            return
        load.unavailable += 1
        time.sleep(0.5)


def states(client: httpx.Client, ids: list[str], within_seconds: float) -> Counter[str]:
    """Of the jobs when all have ended, or when time is up."""
    deadline, ended = time.monotonic() + within_seconds, Counter[str]()
    for id in ids:
        wait = max(0, min(30, int(deadline - time.monotonic())))
        ended[client.get(f"/v1/jobs/{id}", params={"wait": wait}).json()["state"]] += 1
    return ended
