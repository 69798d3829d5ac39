"""Counters and histograms as Prometheus reads them."""

from prometheus_client import CollectorRegistry, Histogram, generate_latest

from treadle_wire.metrics import MOST_KINDS, Counts, Kinds, Times


def test_a_flood_of_types_makes_a_bounded_number_of_series() -> None:
    registry, kinds = CollectorRegistry(), Kinds()
    counts = Counts(registry, "jobs", "Jobs", ("queue", "type"))

    for number in range(1_000):
        counts.add(kinds["default", f"type-{number}"])

    told = generate_latest(registry).decode()
    assert told.count("jobs_total{") == MOST_KINDS + 1
    assert 'jobs_total{queue="default",type="type-99"} 1.0' in told
    assert 'jobs_total{queue="other",type="other"} 900.0' in told
    assert kinds["default", "type-0"] == ("default", "type-0")


def test_times_are_told_as_those_of_prometheus_client_are() -> None:
    ours, theirs, bounds = CollectorRegistry(), CollectorRegistry(), (0.5, 1, 60)
    times = Times(ours, "takes_seconds", "How long", ("type",), bounds)
    model = Histogram("takes_seconds", "How long", ["type"], buckets=bounds, registry=theirs)

    for seconds in (0.0, 0.5, 0.51, 60, 61):
        times.add(("a",), seconds)
        model.labels("a").observe(seconds)

    def samples(registry: CollectorRegistry) -> set[str]:
        lines = generate_latest(registry).decode().splitlines()
        return {line for line in lines if "_created" not in line}

    assert samples(ours) == samples(theirs)
