"""What a service tells Prometheus."""

from collections.abc import Iterable

import httpx
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from tests.e2e.processes import ServiceProcess

Labels = frozenset[tuple[str, str]]


class Seen:
    """At one moment."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        }

    def __call__(self, name: str, **labels: str) -> float:
        """Of all series that have these labels, together; 0 if there is none."""
        asked = set(labels.items())
        return sum(v for (n, has), v in self._samples.items() if n == name and asked <= has)

    def has(self, name: str) -> bool:
        return any(name == known for known, _ in self._samples)


def scraped(service: ServiceProcess) -> Seen:
    return Seen(families_of(service))


def families_of(service: ServiceProcess) -> list[Metric]:
    answer = httpx.get(service.metrics_url, timeout=5.0)
    assert answer.status_code == httpx.codes.OK
    return list(text_string_to_metric_families(answer.text))
