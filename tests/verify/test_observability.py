"""Alerts, dashboard and Prometheus' configuration, judged by Prometheus itself. Run by `make verify`."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
import yaml
from tests.architecture.observability import alerts, dashboard, expressions
from tests.eventually import eventually
from tests.verify.compose import ROOT, System

pytestmark = pytest.mark.verify

_SCRAPES_SECONDS = 40


@pytest.fixture(scope="module")
def prometheus(system: System) -> Iterator[httpx.Client]:
    url = f"http://127.0.0.1:{system.environment['PROMETHEUS_PORT']}"
    with httpx.Client(base_url=url) as client:
        yield client


def answer(prometheus: httpx.Client, path: str, **parameters: str) -> Any:
    said = prometheus.get(f"/api/v1/{path}", params=parameters)
    assert said.is_success, said.text
    return said.json()["data"]


@pytest.mark.parametrize(
    "question",
    ["check config deploy/observability/prometheus.yml", "test rules tests/verify/alerts_test.yml"],
)
def test_promtool_has_nothing_against(system: System, question: str) -> None:
    image = yaml.safe_load(system.compose("--profile", "*", "config"))["services"]["prometheus"]
    here = ["--volume", f"{ROOT}:/here:ro", "--workdir", "/here", "--entrypoint", "promtool"]

    said = system.docker("run", "--rm", *here, image["image"], *question.split())

    assert "SUCCESS" in said


async def test_every_container_of_ours_is_asked_and_answers(prometheus: httpx.Client) -> None:
    def replicas() -> Counter[str]:
        targets = answer(prometheus, "targets")["activeTargets"]
        return Counter(t["labels"]["job"] for t in targets if t["health"] == "up")

    each_twice = {"treadle-api": 2, "treadle-store": 2, "treadle-worker": 2}

    await eventually(lambda: replicas() == each_twice, within_seconds=_SCRAPES_SECONDS)


async def test_the_alerts_are_judged_and_silent(prometheus: httpx.Client) -> None:
    def otherwise() -> dict[str, tuple[str, str]]:
        [group] = answer(prometheus, "rules")["groups"]
        found = {rule["name"]: (rule["health"], rule["state"]) for rule in group["rules"]}
        names = [alert["alert"] for alert in alerts()]
        return {name: found[name] for name in names if found[name] != ("ok", "inactive")}

    with suppress(AssertionError):
        await eventually(lambda: not otherwise(), within_seconds=_SCRAPES_SECONDS)

    assert otherwise() == {}


@pytest.fixture
def job_that_ran(client: httpx.Client) -> None:
    client.post("/v1/jobs", params={"wait": 20}, json={"type": "echo", "payload": [1]})
    # What is waited for counts in no duration.
    client.get("/v1/jobs")


@pytest.mark.usefixtures("job_that_ran")
async def test_every_panel_of_the_dashboard_has_something_to_show(prometheus: httpx.Client) -> None:
    def empty() -> set[str]:
        return {
            panel["title"]
            for panel in dashboard()["panels"]
            for expression in expressions(panel)
            if not answer(prometheus, "query", query=expression)["result"]
        }

    with suppress(AssertionError):
        await eventually(lambda: not empty(), within_seconds=2 * _SCRAPES_SECONDS)

    assert empty() == set()
