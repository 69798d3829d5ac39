"""What the end-to-end tests do to jobs over REST."""

import time
from typing import Any

import httpx
from tests.e2e.processes import Stack

FINAL = {"SUCCESS", "FAILED", "CANCELLED"}


def submit(stack: Stack, type: str, payload: Any = None, **more: Any) -> dict[str, Any]:
    answer = stack.client.post("/v1/jobs", json={"type": type, "payload": payload, **more})
    assert answer.status_code == httpx.codes.CREATED, answer.text
    job: dict[str, Any] = answer.json()
    return job


def read(stack: Stack, job: dict[str, Any]) -> dict[str, Any]:
    answer = stack.client.get(f"/v1/jobs/{job['id']}")
    assert answer.status_code == httpx.codes.OK, answer.text
    found: dict[str, Any] = answer.json()
    return found


def cancelled(stack: Stack, job: dict[str, Any]) -> httpx.Response:
    return stack.client.post(f"/v1/jobs/{job['id']}/cancel")


def ended(stack: Stack, job: dict[str, Any], within_seconds: float = 15.0) -> dict[str, Any]:
    return until(stack, job, FINAL, within_seconds)


def until(
    stack: Stack, job: dict[str, Any], states: set[str], within_seconds: float = 15.0
) -> dict[str, Any]:
    deadline = time.monotonic() + within_seconds
    while (now := read(stack, job))["state"] not in states:
        assert time.monotonic() < deadline, f"{now}\n{stack.worker.log_file.read_text()}"
        time.sleep(0.02)
    return now
