"""What Prometheus is told of requests."""

import asyncio

from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from tests.eventually import eventually
from tests.unit.api.conftest import Api
from tests.unit.api.running import run

from treadle_api.application.errors import StoreUnavailable
from treadle_domain.outcomes import Succeeded

Series = dict[tuple[str, ...], float]


def requests(registry: CollectorRegistry) -> Series:
    """Their numbers by method, route and status."""
    return {
        (s.labels["method"], s.labels["route"], s.labels["status"]): s.value
        for family in registry.collect()
        for s in family.samples
        if s.name == "treadle_api_requests_total"
    }


def durations(registry: CollectorRegistry) -> Series:
    """How many were measured, by method and route."""
    return {
        (s.labels["method"], s.labels["route"]): s.value
        for family in registry.collect()
        for s in family.samples
        if s.name == "treadle_api_request_duration_seconds_count"
    }


async def test_requests_are_counted_by_method_route_and_class_of_status(api: Api) -> None:
    job = await api.submit()
    for job_id in (job["id"], job["id"], "none"):
        await api.client.get(f"/v1/jobs/{job_id}")

    assert requests(api.registry) == {
        ("POST", "/v1/jobs", "2xx"): 1,
        ("GET", "/v1/jobs/{job_id}", "2xx"): 2,
        ("GET", "/v1/jobs/{job_id}", "4xx"): 1,
    }
    assert durations(api.registry) == {
        ("POST", "/v1/jobs"): 1,
        ("GET", "/v1/jobs/{job_id}"): 3,
    }


async def test_outages_and_faults_are_counted_as_the_client_sees_them(api: Api) -> None:
    for fault in (StoreUnavailable(outcome_unknown=False), ZeroDivisionError()):
        api.job_store.outage = fault
        await api.client.post("/v1/jobs", json={"type": "echo"})

    assert requests(api.registry) == {("POST", "/v1/jobs", "5xx"): 2}


async def test_clients_cannot_make_series_of_their_own(api: Api) -> None:
    for number in range(20):
        await api.client.get(f"/v1/nothing-{number}")
        await api.client.request(f"METHOD{number}", "/v1/jobs")
        await api.client.get(f"/docs/assets/{number}.js")
        await api.client.get(f"/problems/{number}")

    assert requests(api.registry) == {
        ("GET", "other", "4xx"): 40,
        ("other", "/v1/jobs", "4xx"): 20,
        ("GET", "/problems/{slug}", "4xx"): 20,
    }


async def test_a_wait_that_the_client_asked_for_is_no_slow_answer(api: Api) -> None:
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(
            api.client.post("/v1/jobs?wait=5", json={"type": "echo"}, timeout=10)
        )
        await eventually(lambda: api.waiters.count == 1)
        waiters = api.registry.get_sample_value("treadle_api_waiters")
        await run(api.store, api.store.jobs.all()[-1].id, Succeeded())

    assert asked.result().json()["state"] == "SUCCESS"
    assert waiters == 1
    assert api.registry.get_sample_value("treadle_api_waiters") == 0
    assert requests(api.registry) == {("POST", "/v1/jobs", "2xx"): 1}
    assert durations(api.registry) == {}


async def test_a_client_that_hangs_up_is_told_apart(api: Api) -> None:
    job_id = (await api.submit())["id"]

    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(api.client.get(f"/v1/jobs/{job_id}?wait=5"))
        await eventually(lambda: api.waiters.count == 1)
        asked.cancel()

    assert requests(api.registry)["GET", "/v1/jobs/{job_id}", "none"] == 1


async def test_prometheus_reads_them_from_metrics(api: Api) -> None:
    await api.submit()

    answer = await api.client.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain")
    families = {family.name for family in text_string_to_metric_families(answer.text)}
    assert {
        "treadle_api_requests",
        "treadle_api_request_duration_seconds",
        "treadle_api_waiters",
    } <= families
