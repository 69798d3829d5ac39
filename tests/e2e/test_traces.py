"""A job seen in the trace of whoever asked for it, by a real collector."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from tests.backing import fresh_database
from tests.e2e.collector import CollectedSpan, Collector, a_collector
from tests.e2e.jobs import ended
from tests.e2e.processes import Stack, make_stack

from treadle_store.adapters.outbound.postgres.migrate import migrate

SUBMIT = "treadle.store.v1.JobStore/SubmitJobs"
CLIENT_SPAN = "00f067aa0ba902b7"


@dataclass
class Traced:
    stack: Stack
    collector: Collector

    def submit(self, trace_id: str, type: str, flags: str = "01", **said: Any) -> dict[str, Any]:
        headers = {
            "traceparent": f"00-{trace_id}-{CLIENT_SPAN}-{flags}",
            "tracestate": "vendor=1",
        }
        answer = self.stack.client.post("/v1/jobs", json={"type": type, **said}, headers=headers)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())


@pytest.fixture(scope="module")
def traced(
    postgres_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Traced]:
    with fresh_database(postgres_url) as database_url, a_collector() as collector:
        migrate(database_url)
        stack = make_stack(
            folder=tmp_path_factory.mktemp("traced"),
            database_url=database_url,
            redis_url=redis_url,
            prefix=f"e2e-{uuid4()}",
            TREADLE_WORKER_HANDLERS="tests.e2e.traced_handlers:handlers",
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            OTEL_BSP_SCHEDULE_DELAY="100",
            TREADLE_LOG_FORMAT="json",
        )
        try:
            stack.start()
            yield Traced(stack, collector)
        finally:
            for service in stack.all:
                service.kill_if_alive()
            stack.client.close()


def named(spans: list[CollectedSpan], name: str) -> list[CollectedSpan]:
    return sorted((span for span in spans if span.name == name), key=lambda span: span.start_ns)


@pytest.mark.parametrize("type", ["flaky", "flaky_sync"])
def test_a_job_that_fails_once_is_one_trace_from_its_client_to_its_handler(
    traced: Traced, type: str
) -> None:
    trace_id = uuid4().hex

    job = ended(traced.stack, traced.submit(trace_id, type))

    spans = traced.collector.until(trace_id, lambda spans: len(spans) == 7)
    [request], [submit], [store] = (named(spans, n) for n in ("POST /v1/jobs", "submit", SUBMIT))
    waits, runs = named(spans, "wait default"), named(spans, f"run {type}")
    assert [span.parent_id for span in (request, submit, store)] == [
        CLIENT_SPAN,
        request.span_id,
        submit.span_id,
    ]
    assert {span.parent_id for span in (*waits, *runs)} == {submit.span_id}
    assert [run.links for run in runs] == [[], [runs[0].span_id]]
    assert [run.failed for run in runs] == [True, False]
    assert [run.attributes["treadle.job.fence"] for run in runs] == [1, 2]
    assert {run.attributes["messaging.message.id"] for run in runs} == {job["id"]}
    assert waits[0].start_ns <= waits[0].end_ns <= runs[0].end_ns <= waits[1].end_ns
    assert [span.service for span in (request, submit, store, runs[0])] == [
        "treadle-api",
        "treadle-api",
        "treadle-store",
        "treadle-worker",
    ]
    at_run = f"00-{trace_id}-{runs[1].span_id}-01"
    assert job["result"] == {
        "payload": None,
        "traceparent": at_run,
        "tracestate": "vendor=1",
        "current": at_run,
    }


def test_the_log_names_a_run_that_failed_and_tells_nothing_of_what_it_worked_on(
    traced: Traced,
) -> None:
    trace_id, secret = uuid4().hex, uuid4().hex

    job = ended(traced.stack, traced.submit(trace_id, "flaky", payload=secret))

    assert job["result"]["payload"] == secret
    logs = {service.name: service.log_file.read_text() for service in traced.stack.all}
    assert not [name for name, text in logs.items() if secret in text]
    lines = [json.loads(line) for line in logs["worker"].splitlines() if line.startswith("{")]
    [session] = {line["session"] for line in lines if line["event"] == "worker: session open"}
    [failed] = [line for line in lines if line.get("job_id") == job["id"]]
    assert failed.pop("timestamp")
    assert failed == {
        "service": "worker",
        "level": "warning",
        "event": "run failed",
        "job_id": job["id"],
        "type": "flaky",
        "queue": "default",
        "attempt": 1,
        "fence": 1,
        "session": session,
        "trace_id": trace_id,
        "kind": "error",
        "error": "ValueError",
    }


def test_requests_that_share_a_call_to_the_store_keep_each_its_own_trace(traced: Traced) -> None:
    trace_ids = [uuid4().hex for _ in range(24)]

    with ThreadPoolExecutor(12) as clients:
        jobs = list(clients.map(lambda trace: traced.submit(trace, "current"), trace_ids))

    for trace_id, job in zip(trace_ids, jobs, strict=True):
        spans = traced.collector.until(trace_id, lambda spans: len(spans) == 5)
        [submit], [store] = named(spans, "submit"), named(spans, SUBMIT)
        [run] = named(spans, "run current")
        assert run.parent_id == store.parent_id == submit.span_id
        assert run.attributes["messaging.message.id"] == job["id"]
        assert ended(traced.stack, job)["result"] is True


def test_a_trace_that_its_client_does_not_record_is_not_recorded_here(traced: Traced) -> None:
    unrecorded, recorded = uuid4().hex, uuid4().hex

    job = ended(traced.stack, traced.submit(unrecorded, "flaky", flags="00"))

    traced.submit(recorded, "current")
    traced.collector.until(recorded, lambda spans: len(spans) == 5)
    assert job["result"]["traceparent"].startswith(f"00-{unrecorded}-")
    assert job["result"]["traceparent"].endswith("-00")
    assert traced.collector.of(unrecorded) == []


def test_a_collector_that_hangs_delays_no_job_and_no_stop(traced: Traced) -> None:
    traced.collector.may_answer.clear()
    traced.collector.was_asked.clear()
    first = traced.submit(uuid4().hex, "current")
    assert traced.collector.was_asked.wait(10)

    began = time.monotonic()
    jobs = [first, *(traced.submit(uuid4().hex, "current") for _ in range(20))]

    assert {ended(traced.stack, job)["state"] for job in jobs} == {"SUCCESS"}
    assert time.monotonic() - began < 5
    stopped = time.monotonic()
    assert traced.stack.stop() == [0, 0, 0]
    assert time.monotonic() - stopped < 6


@pytest.mark.parametrize(
    ("part", "absent"),
    [
        ("treadle_worker.executor.__main__", ["opentelemetry"]),
        # The clients of Redis and the web framework load its other parts by themselves.
        ("treadle_api.__main__", ["opentelemetry.sdk.trace", "opentelemetry.exporter"]),
        ("treadle_store.__main__", ["opentelemetry.sdk.trace", "opentelemetry.exporter"]),
        ("treadle_worker.__main__", ["opentelemetry.sdk.trace", "opentelemetry.exporter"]),
    ],
)
def test_where_nobody_asks_for_traces_nothing_of_them_is_loaded(
    part: str, absent: list[str]
) -> None:
    asks = f"import sys, {part}; sys.exit(str([m for m in {absent!r} if m in sys.modules]))"

    done = subprocess.run([sys.executable, "-c", asks], timeout=30, capture_output=True, text=True)

    assert done.stderr == "[]\n"
