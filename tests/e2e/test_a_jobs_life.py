"""Jobs over REST, run by real processes on real servers."""

import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import redis
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


def test_a_job_is_accepted_runs_and_shows_its_result(stack: Stack) -> None:
    answer = stack.client.post("/v1/jobs", json={"type": "echo", "payload": {"a": [1, "b"]}})

    assert answer.status_code == httpx.codes.CREATED
    accepted = answer.json()
    assert accepted["state"] == "PENDING"
    assert answer.headers["location"].endswith(f"/v1/jobs/{accepted['id']}")
    job = ended(stack, accepted)
    assert (job["state"], job["result"], job["attempt"]) == ("SUCCESS", {"a": [1, "b"]}, 1)
    times = [job[name] for name in ("created_at", "started_at", "finished_at")]
    assert times == sorted(times)
    assert job["run_at"] is not None


def test_a_payload_comes_back_to_the_byte_through_every_layer(stack: Stack) -> None:
    text = '{"id": 12345678901234567890123,  "e":0.10, "s":"\\u00e9 \N{FIRE}"}'

    body = f'{{"type":"echo","payload":{text}}}'.encode()
    answer = stack.client.post(
        "/v1/jobs", content=body, headers={"content-type": "application/json"}
    )

    job = answer.json()
    ended(stack, job)
    assert text in stack.client.get(f"/v1/jobs/{job['id']}").text


def test_what_is_stopped_and_started_again_still_shows_the_job(stack: Stack) -> None:
    job = ended(stack, submit(stack, "echo", 1))

    assert stack.stop() == [0, 0, 0]
    stack.start()

    assert read(stack, job) == job


def test_a_failing_job_is_tried_with_growing_delays_and_every_run_is_listed(stack: Stack) -> None:
    job = ended(stack, submit(stack, "fail", {}))

    assert (job["state"], job["attempt"]) == ("FAILED", 3)
    error = job["error"]
    assert (error["kind"], error["type"]) == ("error", "ValueError")
    assert error["message"] == "attempt 3 of 3 failed"
    assert "raise ValueError" in error["traceback"]
    attempts = stack.client.get(f"/v1/jobs/{job['id']}/attempts").json()["items"]
    assert [a["error"]["message"][:9] for a in attempts] == ["attempt 1", "attempt 2", "attempt 3"]


def test_a_permanent_failure_ends_after_one_attempt(stack: Stack) -> None:
    job = ended(stack, submit(stack, "hopeless"))

    assert (job["state"], job["attempt"], job["error"]["kind"]) == ("FAILED", 1, "permanent")
    assert "no use" in job["error"]["message"]


def test_an_unknown_type_ends_naming_the_known_types(stack: Stack) -> None:
    job = ended(stack, submit(stack, "ecko"))

    assert (job["state"], job["attempt"]) == ("FAILED", 0)
    assert job["error"]["kind"] == "unknown_type"
    assert "echo" in job["error"]["message"]


def test_a_snooze_charges_no_attempt(stack: Stack) -> None:
    job = ended(stack, submit(stack, "later"))

    assert (job["result"], job["snoozes"]) == ("attempt 1, fence 2", 1)


def test_a_timeout_has_its_own_kind(stack: Stack) -> None:
    job = ended(stack, submit(stack, "slow"))

    assert (job["state"], job["error"]["kind"]) == ("FAILED", "timeout")


def test_user_code_never_runs_in_the_supervisor(stack: Stack) -> None:
    job = ended(stack, submit(stack, "where"))

    assert job["result"]["pid"] != stack.worker.pid


def test_a_sync_handler_runs_in_a_thread_beside_others(stack: Stack) -> None:
    slow = submit(stack, "sync", {"seconds": 1.0})
    quick = ended(stack, submit(stack, "echo"))

    assert quick["state"] == "SUCCESS"
    assert ended(stack, slow)["result"]["thread"] != "MainThread"
    assert quick["finished_at"] < read(stack, slow)["finished_at"]


def test_a_death_of_the_executor_interrupts_uncharged_and_the_job_runs_again(stack: Stack) -> None:
    job = ended(stack, submit(stack, "die"))

    assert (job["result"], job["attempt"], job["interruptions"]) == ("survived", 1, 1)


def test_a_delayed_job_waits_and_then_runs(stack: Stack) -> None:
    job = submit(stack, "echo", delay_seconds=1)
    assert job["state"] == "PENDING"

    done = ended(stack, job)

    assert done["started_at"] >= done["run_at"]


def test_a_cancelled_job_never_runs(stack: Stack, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    job = submit(stack, "append", {"file": str(ledger)}, delay_seconds=1.5)

    answer = stack.client.post(f"/v1/jobs/{job['id']}/cancel")
    marker = ended(stack, submit(stack, "echo", delay_seconds=2))

    assert answer.json()["state"] == "CANCELLED"
    assert marker["state"] == "SUCCESS"
    assert not ledger.exists()
    assert stack.client.post(f"/v1/jobs/{job['id']}/cancel").status_code == httpx.codes.OK


def test_a_cancel_of_a_running_job_ends_cancelled_whatever_the_code_does(stack: Stack) -> None:
    job = until(stack, submit(stack, "sleep", {"seconds": 1}), {"RUNNING"})

    answer = stack.client.post(f"/v1/jobs/{job['id']}/cancel")

    assert answer.json()["cancel_requested_at"] is not None
    end = ended(stack, job)
    assert (end["state"], end["result"]) == ("CANCELLED", None)


def test_an_operators_retry_gives_a_new_life(stack: Stack) -> None:
    job = ended(stack, submit(stack, "hopeless"))

    answer = stack.client.post(f"/v1/jobs/{job['id']}/retry")

    assert answer.json()["attempt"] == 0
    again = ended(stack, job)
    assert (again["state"], again["attempt"]) == ("FAILED", 1)
    success = ended(stack, submit(stack, "echo"))
    assert stack.client.post(f"/v1/jobs/{success['id']}/retry").status_code == httpx.codes.CONFLICT


def test_sigterm_lets_what_runs_finish(stack: Stack) -> None:
    job = until(stack, submit(stack, "sleep", {"seconds": 1}), {"RUNNING"})

    code = stack.worker.terminate()

    assert code == 0
    end = read(stack, job)
    assert (end["state"], end["attempt"], end["result"]) == ("SUCCESS", 1, "rested")


def test_a_second_sigterm_gives_back_at_once_uncharged(stack: Stack) -> None:
    job = until(stack, submit(stack, "sleep", {"seconds": 60}), {"RUNNING"})

    second = threading.Timer(0.5, lambda: stack.worker.end(signal.SIGTERM))
    second.start()
    code = stack.worker.terminate(within_seconds=10)
    second.join()

    assert code == 0
    back = read(stack, job)
    assert (back["state"], back["attempt"], back["interruptions"]) == ("PENDING", 0, 1)


def test_postgresql_shows_what_the_api_shows_and_redis_holds_ids_only(
    stack: Stack, migrated_database_url: str, redis_url: str
) -> None:
    stack.worker.terminate()
    jobs = [submit(stack, "echo", n, queue="mail", priority=n) for n in range(3)]

    with psycopg.connect(migrated_database_url) as connection:
        rows = connection.execute("SELECT id::text, state, priority FROM live_jobs").fetchall()
    prefix = stack.api.environment["TREADLE_REDIS_KEY_PREFIX"]
    with redis.Redis.from_url(redis_url) as client:
        keys = [key.decode() for key in client.scan_iter(f"{{{prefix}}}*")]
        ids = [member.decode() for member in client.zrange(keys[0], 0, -1)]

    assert sorted(rows) == sorted((job["id"], "PENDING", job["priority"]) for job in jobs)
    assert keys == [f"{{{prefix}}}/ready/default/mail"]
    assert ids == [job["id"] for job in reversed(jobs)]


@pytest.mark.parametrize("down", ["store"])
def test_an_outage_is_answered_with_503_and_ends_with_it(stack: Stack, down: str) -> None:
    stack.store.terminate()

    refused = stack.client.post("/v1/jobs", json={"type": "echo"})

    assert refused.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert refused.headers["content-type"] == "application/problem+json"
    assert "retry-after" in refused.headers
    stack.store.start()
    deadline = time.monotonic() + 15
    while (answer := stack.client.post("/v1/jobs", json={"type": "echo"})).status_code != 201:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.1)
    assert ended(stack, answer.json())["state"] == "SUCCESS"


def test_ten_thousand_jobs_over_32_connections_all_run_and_none_twice(
    stack: Stack, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger"
    body = {"type": "append", "payload": {"file": str(ledger)}}
    began = time.monotonic()

    def post_some(share: int) -> list[int]:
        with httpx.Client(base_url=stack.client.base_url, timeout=30) as client:
            return [client.post("/v1/jobs", json=body).status_code for _ in range(share)]

    with ThreadPoolExecutor(32) as connections:
        codes = Counter(c for part in connections.map(post_some, [313] * 16 + [312] * 16) for c in part)
    accepted = codes[201]
    deadline = began + 120
    while True:
        done = len(ledger.read_text().splitlines()) if ledger.exists() else 0
        if done >= accepted or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    took = time.monotonic() - began

    runs = Counter(ledger.read_text().split())
    assert set(codes) == {201}
    assert len(runs) == accepted
    assert set(runs.values()) == {1}
    assert took <= 45
    memory = {service.name: service.memory_mb for service in stack.all}
    assert max(memory.values()) <= 200, memory
