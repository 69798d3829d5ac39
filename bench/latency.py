"""How long a job waits for its start when there is room, and how exactly the load came."""

from collections.abc import Sequence

from bench.figures import Figure
from bench.load_generator import Plan
from bench.rig import Rig
from bench.span import Span
from bench.submitting import Submitting

_PER_SECOND = 100
_WARM_UP_SECONDS = 10


def latency(rig: Rig, amount: int) -> list[Figure]:
    """T3: from when the request was to be sent to the first line of the handler, `amount` seconds after a warm-up."""
    rig.start_workers()
    seconds = _WARM_UP_SECONDS + amount
    plan = Plan(how="steadily", ports=rig.api_ports, seconds=seconds, per_second=_PER_SECOND)
    with Submitting(plan) as submitting:
        submitting.begin()
        rig.wait_for_records(_WARM_UP_SECONDS * _PER_SECOND)
        span, ran = Span(rig), rig.records.count()
        sent = submitting.end()
        rig.wait_for_records(seconds * _PER_SECOND)
        rig.wait_until_none_is_live()
        spent = span.end(seconds * _PER_SECOND - ran)
    counted = (each for each in rig.records.read() if each.number >= _WARM_UP_SECONDS * _PER_SECOND)
    waits = sorted((each.now_ns - each.sent_ns) / 1e6 for each in counted)
    late = Figure(name="p99 ms that requests were sent late", value=sent.late_p99_ms)
    return [*_percentiles(waits), late, *spent]


def _percentiles(waits: Sequence[float]) -> list[Figure]:
    found = {f"p{each} ms": waits[len(waits) * each // 100] for each in (50, 95, 99)}
    found["highest ms"] = waits[-1]
    return [Figure(name=name, value=value) for name, value in found.items()]
