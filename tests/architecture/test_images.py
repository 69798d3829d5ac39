"""The Dockerfile, its locks and the Compose file, as far as they can be judged without an engine."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.architecture.rendered import KNOWN_SETTINGS, ROOT

_DOCKER = ROOT / "deploy/docker"
_DOCKERFILE = (_DOCKER / "Dockerfile").read_text()


def compose() -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return services


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")

    said = subprocess.run(
        [hadolint, "--no-color", _DOCKER / "Dockerfile"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (said.returncode, said.stdout) == (0, "")


def test_images_have_one_base_run_as_nobody_special_and_receive_signals() -> None:
    bases = set(re.findall(r"^FROM (\S+)", _DOCKERFILE, re.MULTILINE))
    stages = set(re.findall(r" AS (\S+)$", _DOCKERFILE, re.MULTILINE))
    entrypoints = re.findall(r"^ENTRYPOINT (.*)$", _DOCKERFILE, re.MULTILINE)

    assert bases - stages == {"${PYTHON_IMAGE}"}
    assert "ARG PYTHON_IMAGE=python:3.11-slim-bookworm" in _DOCKERFILE.splitlines()
    assert re.findall(r"^USER (.*)$", _DOCKERFILE, re.MULTILINE)[-1] == "10001:10001"
    assert len(entrypoints) == 3
    assert all(re.fullmatch(r'\["python".*, "-m", "treadle_\w+"\]', each) for each in entrypoints)
    assert _DOCKERFILE.count("HEALTHCHECK") == 3


@pytest.mark.parametrize("service", ["api", "store", "worker"])
def test_an_image_holds_what_its_service_asks_for_in_the_versions_of_the_tests(
    service: str,
) -> None:
    places = ["libs/sdk", "libs/domain", "proto", f"services/{service}"]
    if service != "worker":
        places.remove("libs/sdk")
    asked = {name for place in places for name in dependencies(ROOT / place / "pyproject.toml")}

    locked = versions(_DOCKER / f"{service}.lock")

    assert {name for name in asked if not name.startswith("treadle")} <= set(locked)
    assert locked.items() <= versions(ROOT / "requirements.lock").items()


def dependencies(file: Path) -> set[str]:
    said = tomllib.loads(file.read_text())["project"].get("dependencies", [])
    names = [re.match(r"[\w-]+", each) for each in said]
    return {name[0] for name in names if name is not None}


def versions(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([\w-]+)==(\S+)", lock.read_text(), re.MULTILINE))


def test_compose_waits_for_health_and_publishes_on_loopback_only() -> None:
    services = compose()

    published = [port for service in services.values() for port in service.get("ports", [])]
    waits = [wait for s in services.values() for wait in s.get("depends_on", {}).values()]

    assert {port.split("$")[0] for port in published} == {"127.0.0.1:"}
    assert {wait["condition"] for wait in waits} == {
        "service_healthy",
        "service_completed_successfully",
    }
    assert all("healthcheck" in service for service in services.values() if "build" not in service)
    assert services["worker"]["stop_grace_period"] == "30s"
    assert all(service["deploy"]["resources"]["limits"]["memory"] for service in services.values())


def test_compose_and_images_give_settings_that_exist() -> None:
    ours = [service for service in compose().values() if "build" in service]
    given = {name for service in ours for name in service["environment"]}
    given |= set(re.findall(r"TREADLE_\w+(?==)", _DOCKERFILE))

    assert len(ours) == 4
    assert given <= KNOWN_SETTINGS | {"OTEL_EXPORTER_OTLP_ENDPOINT"}
