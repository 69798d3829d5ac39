"""One job per key, whatever is repeated."""

import asyncio
import signal
from typing import Any
from uuid import uuid4

import httpx
from tests.e2e.jobs import ended
from tests.e2e.processes import Stack

BODY = {"type": "echo", "payload": {"order": 17}, "queue": "unserved"}


def post(stack: Stack, key: str, body: dict[str, Any] = BODY) -> httpx.Response:
    return stack.client.post("/v1/jobs", json=body, headers={"idempotency-key": key})


async def test_of_500_posts_of_one_key_at_once_all_answer_with_one_job(stack: Stack) -> None:
    key = {"idempotency-key": str(uuid4())}
    limits = httpx.Limits(max_connections=100)

    async with httpx.AsyncClient(
        base_url=stack.client.base_url, limits=limits, timeout=30
    ) as client:
        async with asyncio.TaskGroup() as group:
            posts = [
                group.create_task(client.post("/v1/jobs", json=BODY, headers=key))
                for _ in range(500)
            ]

    answers = [each.result() for each in posts]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1


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
