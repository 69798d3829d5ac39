"""How many jobs go through, and what one costs."""

import time

from bench.figures import Figure
from bench.load_generator import Plan
from bench.rig import Rig
from bench.span import Span
from bench.submitting import Submitting, submit

_WARM_UP_FIRST = 10**9
_WARM_UP_JOBS = 2_000
_LATE_SECONDS = 5.0


def batches(rig: Rig, amount: int) -> list[Figure]:
    """T1: end to end, submitted by POST /v1/jobs/batch."""
    warm_up(rig)
    return measure_batches(rig, amount)


def drain(rig: Rig, amount: int) -> list[Figure]:
    """T1d: from the first job that ran, so the start of the workers is no part of it."""
    submit(Plan(how="batches", ports=rig.api_ports, jobs=amount))
    rig.start_workers()
    rig.wait_for_records(1)
    span, ran = Span(rig), rig.records.count()
    rig.wait_for_records(amount)
    rig.wait_until_none_is_live()
    return span.end(amount - ran)


def single_posts(rig: Rig, amount: int) -> list[Figure]:
    """T2: one POST each for `amount` seconds, and until all of them ran."""
    warm_up(rig)
    return measure_single_posts(rig, amount)


def warm_up(rig: Rig) -> None:
    """Starts the workers."""
    rig.start_workers()
    submit(Plan(how="batches", ports=rig.api_ports, first=_WARM_UP_FIRST, jobs=_WARM_UP_JOBS))
    rig.wait_for_records(_WARM_UP_JOBS)
    rig.wait_until_none_is_live()


def measure_batches(rig: Rig, jobs: int) -> list[Figure]:
    return _measure(rig, Plan(how="batches", ports=rig.api_ports, jobs=jobs))


def measure_single_posts(rig: Rig, seconds: int) -> list[Figure]:
    return _measure(rig, Plan(how="singly", ports=rig.api_ports, seconds=seconds))


def _measure(rig: Rig, plan: Plan) -> list[Figure]:
    """RuntimeError if a job ran twice, or not to its end."""
    ran, succeeded = rig.records.count(), rig.meter.count_succeeded()
    with Submitting(plan) as submitting:
        span = Span(rig)
        submitting.begin()
        sent = submitting.end()
        rig.wait_for_records(ran + sent.answered)
        rig.wait_until_none_is_live()
        jobs = rig.records.count() - ran
        figures = span.end(jobs, sent.cpu_seconds)
    _check(rig, ran, succeeded)
    return figures


def _check(rig: Rig, ran: int, succeeded: int) -> None:
    """Jobs of requests that the load generator cut off may come late, and then run too."""
    deadline = time.monotonic() + _LATE_SECONDS
    while True:
        runs = rig.records.count() - ran
        jobs = rig.meter.count_succeeded() - succeeded
        if runs == jobs == rig.records.count() - ran:
            return
        if time.monotonic() > deadline:
            raise RuntimeError(f"{runs} runs of {jobs} jobs that succeeded")
        time.sleep(0.05)
