from prometheus_client import CollectorRegistry, generate_latest

from treadle_store.adapters.outbound.prometheus_tally import PrometheusTally
from treadle_store.application.ports import Happening


def test_every_happening_is_a_series_from_the_start_and_none_tells_when_it_was_made() -> None:
    registry = CollectorRegistry()
    tally = PrometheusTally(registry)
    tally.count(Happening.REPAIRED, 3)

    told = generate_latest(registry).decode()

    series = [line for line in told.splitlines() if not line.startswith("#")]
    assert len(series) == len(Happening)
    assert 'treadle_store_happenings_total{happening="repaired"} 3.0' in series
