"""What a service tells Prometheus."""

import httpx
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from tests.e2e.processes import ServiceProcess
from tests.seen_metrics import Seen


def scraped(service: ServiceProcess) -> Seen:
    return Seen(families_of(service))


def families_of(service: ServiceProcess) -> list[Metric]:
    answer = httpx.get(service.metrics_url, timeout=5.0)
    assert answer.status_code == httpx.codes.OK
    return list(text_string_to_metric_families(answer.text))
