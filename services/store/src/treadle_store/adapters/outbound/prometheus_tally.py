"""Counters for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, disable_created_metrics

from treadle_store.application.ports import Happening

# They are as many series again, which nobody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]


class PrometheusTally:
    def __init__(self, registry: CollectorRegistry) -> None:
        counter = Counter(
            "treadle_store_happenings", "What the store noticed", ["happening"], registry=registry
        )
        self._counters = {each: counter.labels(each.value) for each in Happening}

    def count(self, happening: Happening, times: int = 1) -> None:
        self._counters[happening].inc(times)
