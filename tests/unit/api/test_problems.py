"""Every error is a problem, also those that the framework finds."""

import pytest
from tests.unit.api.conftest import Api

from treadle_api.adapters.inbound.http.errors import PROBLEMS
from treadle_api.application.errors import StoreUnavailable
from treadle_domain.errors import DomainError


def test_every_domain_error_has_an_entry() -> None:
    assert set(DomainError.__subclasses__()) <= PROBLEMS.keys()


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/jobs/", "/v1/jobs/1/2/3", "/v2/jobs", "/é%0A"])
async def test_an_unknown_address_is_a_404(api: Api, path: str) -> None:
    response = await api.client.get(path)

    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == "/problems/not-found"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/jobs", "GET, POST"),
        ("PUT", "/v1/jobs/1", "GET"),
        ("GET", "/v1/jobs/1/cancel", "POST"),
        ("POST", "/health/live", "GET"),
        ("PROPFIND", "/v1/jobs", "GET, POST"),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(
    api: Api, method: str, path: str, allowed: str
) -> None:
    response = await api.client.request(method, path)

    assert response.status_code == 405
    assert response.headers["allow"] == allowed
    assert response.json()["type"] == "/problems/method-not-allowed"


@pytest.mark.parametrize("unknown", [True, False])
async def test_without_the_store_the_answer_is_503_and_says_what_is_known(
    api: Api, unknown: bool
) -> None:
    api.job_store.outage = StoreUnavailable(outcome_unknown=unknown)

    response = await api.client.post("/v1/jobs", json={"type": "echo"})

    problem = response.json()
    assert response.status_code == 503
    assert response.headers["retry-after"] == "2"
    assert (problem["type"], problem["outcome_unknown"]) == ("/problems/store-unavailable", unknown)
    assert ("may or may not" in problem["detail"]) is unknown


async def test_what_nobody_foresaw_is_a_500_that_tells_nothing_of_the_inside(api: Api) -> None:
    api.job_store.outage = ZeroDivisionError("secret")

    response = await api.client.get("/v1/jobs")

    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert "secret" not in response.text
    assert "Traceback" not in response.text


async def test_a_live_process_is_ready_while_the_store_serves(api: Api) -> None:
    ready = await api.client.get("/health/ready")
    api.store_health.serving = False
    not_ready = await api.client.get("/health/ready")
    live = await api.client.get("/health/live")

    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
    assert (not_ready.status_code, not_ready.headers["retry-after"]) == (503, "2")
    assert (live.status_code, live.json()) == (200, {"status": "live"})
