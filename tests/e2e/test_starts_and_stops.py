"""What is kept, finished or given back when parts stop and start."""

import signal
import threading
import time

import httpx
import psycopg
import redis
from tests.e2e.jobs import cancelled, ended, read, submit, until
from tests.e2e.processes import Stack


def test_what_is_stopped_and_started_again_still_shows_the_job(stoppable_stack: Stack) -> None:
    job = ended(stoppable_stack, submit(stoppable_stack, "echo", 1))

    assert stoppable_stack.stop() == [0, 0, 0]
    stoppable_stack.start()

    assert read(stoppable_stack, job) == job


def test_sigterm_lets_what_runs_finish(stoppable_stack: Stack) -> None:
    job = until(stoppable_stack, submit(stoppable_stack, "sleep", {"seconds": 1}), {"RUNNING"})

    code = stoppable_stack.worker.terminate()

    assert code == 0
    end = read(stoppable_stack, job)
    assert (end["state"], end["attempt"], end["result"]) == ("SUCCESS", 1, "rested")


def test_a_second_sigterm_gives_back_at_once_uncharged(stoppable_stack: Stack) -> None:
    job = until(stoppable_stack, submit(stoppable_stack, "sleep", {"seconds": 60}), {"RUNNING"})

    second = threading.Timer(0.5, lambda: stoppable_stack.worker.end(signal.SIGTERM))
    second.start()
    code = stoppable_stack.worker.terminate(within_seconds=10)
    second.join()

    assert code == 0
    back = read(stoppable_stack, job)
    assert (back["state"], back["attempt"], back["interruptions"]) == ("PENDING", 0, 1)
    assert cancelled(stoppable_stack, job).json()["state"] == "CANCELLED"


def test_postgresql_shows_what_the_api_shows_and_redis_holds_ids_only(
    stack: Stack, redis_url: str
) -> None:
    """Of a queue that no worker takes jobs from."""
    jobs = [submit(stack, "echo", n, queue="mail", priority=n) for n in range(3)]

    with psycopg.connect(stack.store.environment["TREADLE_DATABASE_URL"]) as connection:
        query = "SELECT id::text, state, priority FROM live_jobs WHERE queue = 'mail'"
        rows = connection.execute(query).fetchall()
    prefix = stack.api.environment["TREADLE_REDIS_KEY_PREFIX"]
    with redis.Redis.from_url(redis_url) as client:
        members = client.zrange(f"{{{prefix}}}/ready/default/mail", 0, -1)

    assert sorted(rows) == sorted((job["id"], "PENDING", job["priority"]) for job in jobs)
    assert [member.decode() for member in members] == [job["id"] for job in reversed(jobs)]


def test_an_outage_is_answered_with_503_and_ends_with_it(stoppable_stack: Stack) -> None:
    stoppable_stack.store.terminate()

    refused = stoppable_stack.client.post("/v1/jobs", json={"type": "echo"})

    assert refused.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert refused.headers["content-type"] == "application/problem+json"
    assert "retry-after" in refused.headers
    stoppable_stack.store.start()
    deadline = time.monotonic() + 15
    while (
        answer := stoppable_stack.client.post("/v1/jobs", json={"type": "echo"})
    ).status_code != 201:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.1)
    assert ended(stoppable_stack, answer.json())["state"] == "SUCCESS"


def test_signals_that_go_on_until_the_end_change_no_exit_code(stoppable_stack: Stack) -> None:
    for service in stoppable_stack.all:
        while service.exit_code is None:
            service.send(signal.SIGTERM)
            time.sleep(0.001)

    assert [service.exit_code for service in stoppable_stack.all] == [0, 0, 0]
