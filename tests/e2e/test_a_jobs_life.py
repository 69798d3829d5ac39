"""Jobs over REST, run by real processes on real servers."""

from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import httpx
from tests.e2e.jobs import ended, read, submit, until
from tests.e2e.processes import Stack, another_worker


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


def test_delayed_jobs_start_when_their_times_come_and_not_at_the_next_full_second(
    stack: Stack,
) -> None:
    jobs = [submit(stack, "echo", delay_seconds=1.5 + n / 7) for n in range(7)]

    late = [_seconds_late(ended(stack, job)) for job in jobs]

    assert min(late) >= 0
    assert median(late) < 0.2


def _seconds_late(job: dict[str, Any]) -> float:
    due, began = (datetime.fromisoformat(job[name]) for name in ("run_at", "started_at"))
    return (began - due).total_seconds()


def test_a_cancelled_job_never_runs(stack: Stack, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    job = submit(stack, "append", {"file": str(ledger)}, delay_seconds=1.5)

    answer = stack.client.post(f"/v1/jobs/{job['id']}/cancel")
    marker = ended(stack, submit(stack, "echo", delay_seconds=2))

    assert answer.json()["state"] == "CANCELLED"
    assert marker["state"] == "SUCCESS"
    assert not ledger.exists()
    assert stack.client.post(f"/v1/jobs/{job['id']}/cancel").status_code == httpx.codes.OK


def test_an_operators_retry_gives_a_new_life(stack: Stack) -> None:
    job = ended(stack, submit(stack, "hopeless"))

    answer = stack.client.post(f"/v1/jobs/{job['id']}/retry")

    assert answer.json()["attempt"] == 0
    again = ended(stack, job)
    assert (again["state"], again["attempt"]) == ("FAILED", 1)
    success = ended(stack, submit(stack, "echo"))
    assert stack.client.post(f"/v1/jobs/{success['id']}/retry").status_code == httpx.codes.CONFLICT


def test_a_limited_type_runs_one_by_one_and_holds_up_nobody_behind_it(
    stack: Stack, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger"
    limited = [submit(stack, "one_by_one", {"file": str(ledger)}) for _ in range(6)]
    others = [submit(stack, "echo") for _ in range(5)]

    ends = [ended(stack, job) for job in limited]

    assert ledger.read_text().split()[1::2] == ["begins", "ends"] * len(limited)
    last_start = max(job["started_at"] for job in ends)
    assert max(ended(stack, job)["finished_at"] for job in others) < last_start
    assert {(job["attempt"], job["snoozes"]) for job in ends} == {(1, 0)}


def test_a_seat_of_a_limited_type_is_free_again_however_its_run_ends(stack: Stack) -> None:
    """B17: a seat that leaked would be the last one."""
    ways = ["error", "timeout", "cancel", "snooze", "death", "exit"]
    jobs = {way: submit(stack, "one_seat", way) for way in ways}
    until(stack, jobs["cancel"], {"RUNNING"})
    stack.client.post(f"/v1/jobs/{jobs['cancel']['id']}/cancel")

    last = ended(stack, submit(stack, "one_seat", "last", priority=0))

    ends = {way: ended(stack, job)["state"] for way, job in jobs.items()}
    assert last["state"] == ends["snooze"] == ends["death"] == "SUCCESS"
    assert ends["cancel"] == "CANCELLED"
    assert {ends[way] for way in ("error", "timeout", "exit")} == {"FAILED"}


def test_a_limited_type_runs_in_every_worker_that_has_a_seat_for_it(
    stack: Stack, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger"

    with another_worker(stack) as second:
        jobs = [submit(stack, "one_by_one", {"file": str(ledger)}) for _ in range(8)]
        workers = [ended(stack, job)["result"] for job in jobs]

    assert {*workers} == {stack.worker.pid, second.pid}
    for pid in {*workers}:
        steps = [line.split()[1] for line in ledger.read_text().splitlines() if str(pid) in line]
        assert steps == ["begins", "ends"] * workers.count(pid)
