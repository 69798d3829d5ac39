"""What Prometheus would see."""

from collections.abc import Iterable

from prometheus_client import Metric


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

    def has(self, name: str, **labels: str) -> bool:
        asked = set(labels.items())
        return any(n == name and asked <= has for n, has in self._samples)

    def series(self, name: str) -> int:
        return sum(n == name for n, _ in self._samples)
