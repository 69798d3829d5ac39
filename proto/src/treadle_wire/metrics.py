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
_OTHER = ("other", "other")

Labels = tuple[str, ...]


class Kinds(dict[Labels, Labels]):
    """Queue and type of a job, as labels. Clients choose both: what comes after the first hundred pairs is `other`."""

    def __missing__(self, kind: Labels) -> Labels:
        if len(self) >= MOST_KINDS:
            return _OTHER
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
        self._buckets = defaultdict[Labels, list[int]](lambda: [0] * len(self._words))
        self._sums = defaultdict[Labels, float](float)
        registry.register(self)

    def add(self, labels: Labels, seconds: float) -> None:
        self._buckets[labels][bisect_left(self._bounds, seconds)] += 1
        self._sums[labels] += seconds

    def collect(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(self._name, self._means, labels=self._labels)
        for labels, buckets in tuple(self._buckets.items()):
            told = [*zip(self._words, map(float, accumulate(buckets)), strict=True)]
            family.add_metric(labels, told, self._sums[labels])
        yield family
