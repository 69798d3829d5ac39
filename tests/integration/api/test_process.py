"""`python -m treadle_api` as a process, in front of a store over memory."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import httpx
import pytest
from tests.eventually import eventually
from tests.integration.api.serving_store import ServingStore, hang

_COMMAND = [sys.executable, "-m", "treadle_api"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def serving_store() -> AsyncIterator[ServingStore]:
    serving_store = ServingStore()
    async with serving_store.store.hand_over, serving_store.serving():
        yield serving_store


@contextmanager
def api_process(target: str, port: int, **settings: str) -> Iterator[subprocess.Popen[str]]:
    env = os.environ | {
        "TREADLE_STORE_TARGET": target,
        "TREADLE_API_PORT": str(port),
        "TREADLE_REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",  # nobody is there
        **settings,
    }
    process = subprocess.Popen(_COMMAND, env=env, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


async def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, lines = await asyncio.to_thread(process.communicate, timeout=20)
    return process.returncode, lines


async def until_live(client: httpx.AsyncClient) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            await client.get("/health/live")
        except httpx.TransportError:
            await asyncio.sleep(0.05)
        else:
            return
    pytest.fail("the API did not come up")


async def until_refused(port: int) -> None:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            return
        writer.close()
        await asyncio.sleep(0.02)
    pytest.fail("the API still listens")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_serves_and_ends_with_0_when_told_to(
    serving_store: ServingStore, number: signal.Signals
) -> None:
    port = free_port()
    with api_process(serving_store.target, port, TREADLE_LOG_FORMAT="json") as process:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            await until_live(client)
            ready = await client.get("/health/ready")
            created = await client.post("/v1/jobs", json={"type": "echo", "payload": [1]})
            read = await client.get(created.headers["location"])
            metrics = await client.get("/metrics")

            process.send_signal(number)
            status, lines = await ended(process)

    assert (ready.status_code, created.status_code, read.json()["payload"]) == (200, 201, [1])
    posts = 'treadle_api_requests_total{method="POST",route="/v1/jobs",status="2xx"} 1.0'
    assert posts in metrics.text
    assert status == 0
    assert "Traceback" not in lines
    assert all(line.startswith("{") for line in lines.splitlines()), lines


async def test_a_request_under_way_is_answered_before_the_end(serving_store: ServingStore) -> None:
    port = free_port()
    go_on = asyncio.Event()

    async def wait(_: object) -> None:
        await go_on.wait()

    serving_store.faults.before = wait
    with api_process(serving_store.target, port) as process:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            await until_live(client)
            async with asyncio.TaskGroup() as group:
                asked = group.create_task(client.post("/v1/jobs", json={"type": "echo"}))
                await eventually(lambda: serving_store.faults.calls == ["SubmitJobs"])
                process.send_signal(signal.SIGTERM)
                await until_refused(port)
                go_on.set()
            status, _ = await ended(process)

    assert (asked.result().status_code, status) == (201, 0)


async def test_requests_that_do_not_end_do_not_hold_it_up(serving_store: ServingStore) -> None:
    port = free_port()
    serving_store.faults.before = hang
    with api_process(serving_store.target, port, TREADLE_API_STOP_GRACE_SECONDS="1") as process:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            await until_live(client)
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST /v1/jobs HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n")
            writer.write(b"content-length: 100\r\n\r\n{")
            started = time.monotonic()
            process.send_signal(signal.SIGTERM)
            status, lines = await ended(process)
            writer.close()

    assert status == 0, lines
    assert time.monotonic() - started < 5


async def test_without_a_store_it_lives_is_not_ready_and_answers_503() -> None:
    port = free_port()
    with api_process(f"127.0.0.1:{free_port()}", port):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            await until_live(client)

            ready = await client.get("/health/ready")
            submit = await client.post("/v1/jobs", json={"type": "echo"})

    assert (ready.status_code, submit.status_code) == (503, 503)
    assert submit.json()["outcome_unknown"] is False


async def test_a_body_that_is_too_large_is_told_so_to_a_client_that_is_still_sending(
    serving_store: ServingStore,
) -> None:
    port = free_port()
    with api_process(serving_store.target, port):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            await until_live(client)
            headers = {"content-type": "application/json"}

            answers = [
                await client.post("/v1/jobs", content=b"x" * 6_000_000, headers=headers)
                for _ in range(5)
            ]

    assert {answer.status_code for answer in answers} == {413}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TREADLE_API_PORT", "http"),
        ("TREADLE_API_PORT", "70000"),
        ("TREADLE_REDIS_URL", "localhost:6379"),
        ("TREADLE_LOG_FORMAT", "xml"),
        ("TREADLE_API_PAYLOAD_LIMIT_BYTES", "0"),
        ("TREADLE_API_CURSOR_KEY", "too short"),
    ],
)
async def test_a_wrong_setting_is_one_line_and_status_2(name: str, value: str) -> None:
    end = await asyncio.to_thread(
        subprocess.run,
        _COMMAND,
        env=os.environ | {name: value},
        capture_output=True,
        text=True,
        timeout=20,
    )

    assert end.returncode == 2
    assert end.stderr.count("\n") == 1
    assert end.stderr.startswith(f"treadle-api: {name}: ")


async def test_a_port_that_is_taken_is_told_and_is_no_success(serving_store: ServingStore) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with api_process(serving_store.target, taken.getsockname()[1]) as process:
            status, lines = await ended(process)

    assert status not in (0, 2)
    assert "address already in use" in lines
    assert "Traceback" not in lines
