"""How the worker is at the moment that Prometheus asks."""

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from treadle_worker.application.holdings import Holdings
from treadle_worker.application.vitals import Vitals


class Gauges(Collector):
    def __init__(self, vitals: Vitals, holdings: Holdings) -> None:
        self._vitals = vitals
        self._holdings = holdings

    def collect(self) -> Iterator[Metric]:
        slots = GaugeMetricFamily(
            "treadle_worker_slots", "Jobs that run, and that could run besides", labels=["state"]
        )
        slots.add_metric(["running"], self._holdings.busy_slots)
        slots.add_metric(["free"], self._holdings.idle_slots)
        yield slots
        yield GaugeMetricFamily(
            "treadle_worker_ahead",
            "Jobs claimed that wait for a slot",
            self._holdings.running - self._holdings.busy_slots,
        )
        yield GaugeMetricFamily(
            "treadle_worker_deaf_seconds",
            "How long the ready queue has been silent while it was asked",
            self._vitals.deaf_for.total_seconds(),
        )
        yield GaugeMetricFamily(
            "treadle_worker_ready",
            "1 while it can do its work, as /health/ready says",
            float(self._vitals.complaint() is None),
        )
