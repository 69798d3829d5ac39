"""What is kept, finished or given back when parts stop and start, and how much goes through."""

import asyncio
import json
import signal
import threading
import time
from pathlib import Path

import httpx
import psycopg
import redis
from bench.load import post_singly
from tests.e2e.jobs import ended, read, submit, until
from tests.e2e.processes import Stack


def test_what_is_stopped_and_started_again_still_shows_the_job(own_stack: Stack) -> None:
    job = ended(own_stack, submit(own_stack, "echo", 1))

    assert own_stack.stop() == [0, 0, 0]
    own_stack.start()

    assert read(own_stack, job) == job


def test_sigterm_lets_what_runs_finish(own_stack: Stack) -> None:
    job = until(own_stack, submit(own_stack, "sleep", {"seconds": 1}), {"RUNNING"})

    code = own_stack.worker.terminate()

    assert code == 0
    end = read(own_stack, job)
    assert (end["state"], end["attempt"], end["result"]) == ("SUCCESS", 1, "rested")


def test_a_second_sigterm_gives_back_at_once_uncharged(own_stack: Stack) -> None:
    job = until(own_stack, submit(own_stack, "sleep", {"seconds": 60}), {"RUNNING"})

    second = threading.Timer(0.5, lambda: own_stack.worker.end(signal.SIGTERM))
    second.start()
    code = own_stack.worker.terminate(within_seconds=10)
    second.join()

    assert code == 0
    back = read(own_stack, job)
    assert (back["state"], back["attempt"], back["interruptions"]) == ("PENDING", 0, 1)


def test_postgresql_shows_what_the_api_shows_and_redis_holds_ids_only(
    own_stack: Stack, migrated_database_url: str, redis_url: str
) -> None:
    own_stack.worker.terminate()
    jobs = [submit(own_stack, "echo", n, queue="mail", priority=n) for n in range(3)]

    with psycopg.connect(migrated_database_url) as connection:
        rows = connection.execute("SELECT id::text, state, priority FROM live_jobs").fetchall()
    prefix = own_stack.api.environment["TREADLE_REDIS_KEY_PREFIX"]
    with redis.Redis.from_url(redis_url) as client:
        keys = [key.decode() for key in client.scan_iter(f"{{{prefix}}}/ready/*")]
        ids = [member.decode() for member in client.zrange(keys[0], 0, -1)]

    assert sorted(rows) == sorted((job["id"], "PENDING", job["priority"]) for job in jobs)
    assert keys == [f"{{{prefix}}}/ready/default/mail"]
    assert ids == [job["id"] for job in reversed(jobs)]


def test_an_outage_is_answered_with_503_and_ends_with_it(own_stack: Stack) -> None:
    own_stack.store.terminate()

    refused = own_stack.client.post("/v1/jobs", json={"type": "echo"})

    assert refused.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert refused.headers["content-type"] == "application/problem+json"
    assert "retry-after" in refused.headers
    own_stack.store.start()
    deadline = time.monotonic() + 15
    while (answer := own_stack.client.post("/v1/jobs", json={"type": "echo"})).status_code != 201:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.1)
    assert ended(own_stack, answer.json())["state"] == "SUCCESS"


def test_ten_thousand_jobs_over_32_connections_all_run_and_none_twice(
    own_stack: Stack, tmp_path: Path
) -> None:
    ledger, count = tmp_path / "ledger", 10_000
    body = json.dumps({"type": "append", "payload": {"file": str(ledger)}}).encode()
    port, began = own_stack.client.base_url.port, time.monotonic()
    assert port is not None

    asyncio.run(post_singly("127.0.0.1", port, count, body))
    while len(ids := _lines(ledger)) < count and time.monotonic() < began + 120:
        time.sleep(0.1)
    took = time.monotonic() - began

    assert len(ids) == len(set(ids)) == count
    assert took <= 45
    memory = {service.name: service.memory_mb for service in own_stack.all}
    assert max(memory.values()) <= 200, memory


def _lines(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []


def test_signals_that_go_on_until_the_end_change_no_exit_code(own_stack: Stack) -> None:
    for service in own_stack.all:
        while service.exit_code is None:
            service.send(signal.SIGTERM)
            time.sleep(0.001)

    assert [service.exit_code for service in own_stack.all] == [0, 0, 0]
