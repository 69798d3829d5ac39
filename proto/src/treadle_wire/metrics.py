"""Counters and histograms for what happens to every job or call: those of prometheus_client cost ten times as much."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

MOST_KINDS = 100
_OTHER = "other"

Labels = tuple[str, ...]


class Kinds(dict[Labels, Labels]):
    """Names that clients choose, as labels: what comes after the first hundred is `other`."""

    def __missing__(self, kind: Labels) -> Labels:
        if len(self) >= MOST_KINDS:
            return (_OTHER,) * len(kind)
        self[kind] = kind
        return kind


class Counts(Collector):
    """Changed by one thread, told to any."""

    def __init__(
        self, registry: CollectorRegistry, name: str, means: str, labels: Sequence[str]
    ) -> None:
        self._name, self._means, self._labels = name, means, labels
        self._counts = defaultdict[Labels, int](int)
        registry.register(self)

    def add(self, labels: Labels, times: int = 1) -> None:
        self._counts[labels] += times

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(self._name, self._means, labels=self._labels)
        for labels, count in tuple(self._counts.items()):
            family.add_metric(labels, count)
        yield family


class Times(Collector):
    """Changed by one thread, told to any. `bounds`: of the buckets, in seconds, growing."""

    def __init__(
        self,
        registry: CollectorRegistry,
        name: str,
        means: str,
        labels: Sequence[str],
        bounds: Sequence[float],
    ) -> None:
        self._name, self._means, self._labels = name, means, labels
        self._bounds = bounds
        self._words = [*map(floatToGoString, bounds), "+Inf"]
        self._rows = defaultdict[Labels, list[float]](lambda: [0.0] * (len(self._words) + 1))
        """A bucket for each word, and the sum."""
        registry.register(self)

    def add(self, labels: Labels, seconds: float) -> None:
        row = self._rows[labels]
        row[bisect_left(self._bounds, seconds)] += 1
        row[-1] += seconds

    def collect(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(self._name, self._means, labels=self._labels)
        for labels, (*buckets, total) in tuple(self._rows.items()):
            told = [*zip(self._words, accumulate(buckets), strict=True)]
            family.add_metric(labels, told, total)
        yield family


class Calls:
    """To one service or by it, as `<name>_calls_total` and `<name>_call_duration_seconds`."""

    def __init__(self, registry: CollectorRegistry, name: str, means: str) -> None:
        self._calls = Counts(registry, f"{name}_calls", means, ("method", "status"))
        self._times = Times(
            registry,
            f"{name}_call_duration_seconds",
            "How long they took, those that failed included",
            ("method",),
            _CALLS,
        )

    def add(self, method: str, status: str, seconds: float) -> None:
        self._calls.add((method, status))
        self._times.add((method,), seconds)


_CALLS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""A call has 5 s."""
