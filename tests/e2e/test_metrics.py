"""What happens to jobs is seen where Prometheus looks."""

import re
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import pytest
from tests.e2e.jobs import cancelled, ended, submit, until
from tests.e2e.metrics import families_of, scraped
from tests.e2e.processes import ServiceProcess, Stack
from tests.seen_metrics import Seen

CATALOGUE = Path(__file__).parents[2] / "docs/metrics.md"
UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"
FINISHED = "treadle_worker_jobs_finished_total"


def until_seen(service: ServiceProcess, holds: Callable[[Seen], bool]) -> Seen:
    """The store's answer to an end may come after a reader has seen it."""
    deadline = time.monotonic() + 10
    while not holds(seen := scraped(service)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return seen


@pytest.mark.parametrize(
    ("type", "outcomes"),
    [
        ("echo", {"success": 1}),
        ("fail", {"retry": 2, "failed": 1}),
        ("hopeless", {"failed": 1}),
        ("later", {"snoozed": 1, "success": 1}),
        ("slow", {"failed": 1}),
        ("die", {"interrupted": 1, "success": 1}),
    ],
)
def test_a_worker_counts_what_the_store_made_of_its_runs(
    stack: Stack, type: str, outcomes: dict[str, int]
) -> None:
    before = scraped(stack.worker)

    ended(stack, submit(stack, type, {}))

    def grown(now: Seen, name: str, **labels: str) -> float:
        of_type = {"queue": "default", "type": type, **labels}
        return now(name, **of_type) - before(name, **of_type)

    runs = sum(outcomes.values())
    after = until_seen(stack.worker, lambda now: grown(now, FINISHED) == runs)
    assert {o: grown(after, FINISHED, outcome=o) for o in outcomes} == outcomes
    assert grown(after, "treadle_worker_jobs_started_total") == runs
    assert grown(after, "treadle_worker_job_run_seconds_count") == runs
    assert 0 <= grown(after, "treadle_worker_job_run_seconds_sum") < 5


def test_a_cancelled_run_is_counted_as_that_with_the_time_it_took(stack: Stack) -> None:
    before = scraped(stack.worker)
    job = submit(stack, "sleep", {"seconds": 60})
    until(stack, job, {"RUNNING"})

    cancelled(stack, job)

    def ends(now: Seen) -> float:
        return now(FINISHED, type="sleep", outcome="cancelled")

    until_seen(stack.worker, lambda now: ends(now) == ends(before) + 1)


def test_the_wait_of_a_delayed_job_begins_when_it_is_due(stack: Stack) -> None:
    before = scraped(stack.worker)

    job = ended(stack, submit(stack, "where", {}, delay_seconds=0.5))

    def waited(now: Seen, part: str) -> float:
        name = f"treadle_worker_job_wait_seconds_{part}"
        return now(name, type="where") - before(name, type="where")

    after = until_seen(stack.worker, lambda now: waited(now, "count") == 1)
    due, started = (datetime.fromisoformat(job[name]) for name in ("run_at", "started_at"))
    assert waited(after, "sum") == pytest.approx((started - due).total_seconds(), abs=0.001)


def test_a_worker_counts_executors_that_died_and_were_replaced(stack: Stack) -> None:
    before = scraped(stack.worker)

    ended(stack, submit(stack, "die"))

    name = "treadle_worker_executor_restarts_total"
    until_seen(
        stack.worker, lambda now: now(name, reason="died") == before(name, reason="died") + 1
    )


def test_every_metric_is_in_the_catalogue_and_nothing_else_is(stack: Stack) -> None:
    """With its kind and its labels, as far as there are series."""
    ended(stack, submit(stack, "echo"))
    until_seen(stack.worker, lambda now: now.has(FINISHED))
    told = {}
    for service in stack.all:
        for family in families_of(service):
            name = family.name + ("_total" if family.type == "counter" else "")
            told[name] = family.type, {key for s in family.samples for key in s.labels} - {"le"}

    rows = re.findall(
        r"^\| `(treadle_\w+)` \| (\w+) \| ([^|]*) \|",
        CATALOGUE.read_text(encoding="utf-8"),
        re.MULTILINE,
    )

    listed = {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    assert listed.keys() == told.keys()
    assert len(rows) == len(listed)
    for name, (kind, labels) in told.items():
        assert listed[name] == (kind, labels or listed[name][1]), name


def test_the_api_counts_jobs_that_were_made_and_no_repeats(stack: Stack) -> None:
    before = scraped(stack.api)
    job, key = {"type": "echo"}, {"idempotency-key": str(uuid4())}

    for _ in range(2):
        stack.client.post("/v1/jobs", json=job, headers=key)
    stack.client.post("/v1/jobs/batch", json={"jobs": [job, job, {"type": "no name!"}]})
    stack.client.post("/v1/jobs/batch?atomic=true", json={"jobs": [job]})

    def made(now: Seen) -> float:
        return now("treadle_api_jobs_submitted_total", queue="default", type="echo")

    assert made(scraped(stack.api)) == made(before) + 4


def test_the_api_counts_its_calls_to_the_store_and_shows_its_channel(stack: Stack) -> None:
    before, calls = scraped(stack.api), "treadle_api_store_calls_total"

    for _ in range(2):
        stack.client.get(f"/v1/jobs/{UNKNOWN}/attempts")
    stack.client.get("/v1/jobs")

    now = scraped(stack.api)
    for method, status, count in (("ListAttempts", "NOT_FOUND", 2), ("ListJobs", "OK", 1)):
        asked = {"method": method, "status": status}
        assert now(calls, **asked) == before(calls, **asked) + count
    took = "treadle_api_store_call_duration_seconds_count"
    assert now(took, method="ListJobs") == before(took, method="ListJobs") + 1
    assert now("treadle_api_store_channel", state="ready") == 1
    assert now("treadle_api_store_channel") == 1
