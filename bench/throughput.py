"""How many jobs go through, and what one costs."""

from bench.figures import Figure
from bench.load_generator import Plan
from bench.rig import Rig
from bench.span import Span
from bench.submitting import Submitting, submit

_WARM_UP_FIRST = 10**9
_WARM_UP_JOBS = 2_000


def batches(rig: Rig, amount: int) -> list[Figure]:
    rig.start_workers()
    _warm_up(rig)
    with Submitting(Plan(how="batches", ports=rig.api_ports, jobs=amount)) as submitting:
        span = Span(rig)
        submitting.begin()
        sent = submitting.end()
        rig.wait_for_records(_WARM_UP_JOBS + amount)
        rig.wait_until_none_is_live()
        return span.end(amount, sent.cpu_seconds)


def drain(rig: Rig, amount: int) -> list[Figure]:
    """From the first job that ran: the start of the workers is no part of it."""
    submit(Plan(how="batches", ports=rig.api_ports, jobs=amount))
    rig.start_workers()
    rig.wait_for_records(1)
    span, ran = Span(rig), rig.records.count()
    rig.wait_for_records(amount)
    rig.wait_until_none_is_live()
    return span.end(amount - ran)


def single_posts(rig: Rig, amount: int) -> list[Figure]:
    """For `amount` seconds, then until all has run."""
    rig.start_workers()
    _warm_up(rig)
    before = rig.meter.count_succeeded()
    with Submitting(Plan(how="singly", ports=rig.api_ports, seconds=amount)) as submitting:
        span = Span(rig)
        submitting.begin()
        sent = submitting.end()
        rig.wait_for_records(_WARM_UP_JOBS + sent.answered)
        rig.wait_until_none_is_live()
        return span.end(rig.meter.count_succeeded() - before, sent.cpu_seconds)


def _warm_up(rig: Rig) -> None:
    submit(Plan(how="batches", ports=rig.api_ports, first=_WARM_UP_FIRST, jobs=_WARM_UP_JOBS))
    rig.wait_for_records(_WARM_UP_JOBS)
    rig.wait_until_none_is_live()
