"""One job per key, whatever is repeated."""

import asyncio
import json
import signal
from typing import Any
from uuid import uuid4

import httpx
from bench import http_client
from tests.e2e.jobs import ended
from tests.e2e.processes import Stack

BODY = {"type": "echo", "payload": {"order": 17}, "queue": "unserved"}


def post(stack: Stack, key: str, body: dict[str, Any] = BODY) -> httpx.Response:
    return stack.client.post("/v1/jobs", json=body, headers={"idempotency-key": key})


def test_of_500_posts_of_one_key_at_once_all_answer_with_one_job(stack: Stack) -> None:
    body = json.dumps(BODY).encode()
    request = http_client.post("/v1/jobs", body, f"idempotency-key: {uuid4()}")
    port = stack.client.base_url.port
    assert port is not None

    answers = asyncio.run(http_client.ask("127.0.0.1", port, [request] * 500, 201, connections=500))

    assert len(answers) == 500
    assert len({answer.body for answer in answers}) == 1
    assert sum(b"idempotency-replayed" not in answer.head for answer in answers) == 1


def test_a_key_outlives_the_end_of_its_job_and_the_services(stoppable_stack: Stack) -> None:
    stack, key, body = stoppable_stack, str(uuid4()), BODY | {"queue": "default"}
    first = post(stack, key, body).json()
    job = ended(stack, first)
    for service in (stack.api, stack.store):
        service.end(signal.SIGKILL)
    for service in (stack.store, stack.api):
        service.start()
        service.wait_until_ready()

    again = post(stack, key, body)

    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert again.json() == job
