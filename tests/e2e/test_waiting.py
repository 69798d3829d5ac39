"""Clients that wait for their jobs, over real processes."""

import statistics
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
from tests.e2e.jobs import cancelled, submit
from tests.e2e.processes import Stack

Ended = tuple[dict[str, Any], float]
"""The job as the answer shows it, and how many seconds after its end the answer came: all clocks are this machine's."""


def waited(stack: Stack, **said: Any) -> Ended:
    answer = stack.client.post("/v1/jobs", json=said, headers={"prefer": "wait=9"})
    return as_ended(answer)


def as_ended(answer: httpx.Response) -> Ended:
    now, job = datetime.now(UTC), answer.json()
    assert answer.headers["preference-applied"] == "wait=9"
    return job, (now - datetime.fromisoformat(job["finished_at"])).total_seconds()


def test_a_client_that_waits_is_answered_within_50_ms_of_the_end(stack: Stack) -> None:
    answers = [waited(stack, type="echo", payload=[number]) for number in range(20)]

    assert [job["result"] for job, _ in answers] == [[number] for number in range(20)]
    assert statistics.median(late for _, late in answers) < 0.05


def test_whatever_ends_a_job_ends_the_wait_for_it(stack: Stack) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=0.5)).isoformat()
    waiting = submit(stack, "echo", delay_seconds=60)
    path = f"/v1/jobs/{waiting['id']}?wait=9"
    asked: list[Callable[[], Ended]] = [
        partial(waited, stack, type="hopeless"),
        partial(waited, stack, type="slow"),
        partial(waited, stack, type="ecko"),
        partial(waited, stack, type="echo", delay_seconds=60, expires_at=soon),
        lambda: as_ended(stack.client.get(path)),
    ]

    with ThreadPoolExecutor() as clients:
        answers = [clients.submit(ask) for ask in asked]
        cancelled(stack, waiting)

    ends = [answer.result() for answer in answers]
    kinds = [job["error"]["kind"] for job, _ in ends]
    assert kinds == ["permanent", "timeout", "unknown_type", "expired", "cancelled"]
    assert max(late for _, late in ends) < 1
