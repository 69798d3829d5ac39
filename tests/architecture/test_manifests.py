"""What a schema cannot see: that selectors, ports, names and settings of the deployment files fit together."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic_settings import BaseSettings

import treadle_api.settings
import treadle_store.settings
import treadle_worker.settings

_ROOT = Path(__file__).parents[2]
_BASE = _ROOT / "deploy/k8s/base"
_DOCKERFILE = (_ROOT / "deploy/docker/Dockerfile").read_text()
_SECRETS = {"TREADLE_API_CURSOR_KEY", "TREADLE_DATABASE_URL", "TREADLE_REDIS_URL"}
_SETTINGS: tuple[type[BaseSettings], ...] = (
    treadle_api.settings.Settings,
    treadle_store.settings.Settings,
    treadle_worker.settings.Settings,
)
KNOWN_SETTINGS = {f"TREADLE_{name.upper()}" for s in _SETTINGS for name in s.model_fields}

Manifest = dict[str, Any]


def manifests() -> list[Manifest]:
    kustomization = yaml.safe_load((_BASE / "kustomization.yaml").read_text())
    files = [(_BASE / name).read_text() for name in kustomization["resources"]]
    return [manifest for text in files for manifest in yaml.safe_load_all(text)]


def of_kind(kind: str) -> list[Manifest]:
    found = [manifest for manifest in manifests() if manifest["kind"] == kind]
    assert found
    return found


def pod_of(deployment: Manifest) -> Manifest:
    spec: Manifest = deployment["spec"]["template"]["spec"]
    return spec


def containers() -> Iterator[Manifest]:
    for deployment in of_kind("Deployment"):
        pod = pod_of(deployment)
        yield from [*pod["containers"], *pod.get("initContainers", [])]


def labels_of_pods() -> list[dict[str, str]]:
    return [d["spec"]["template"]["metadata"]["labels"] for d in of_kind("Deployment")]


def test_every_file_of_the_base_is_used() -> None:
    kustomization = yaml.safe_load((_BASE / "kustomization.yaml").read_text())

    assert {file.name for file in _BASE.iterdir()} == {
        "kustomization.yaml",
        *kustomization["resources"],
    }


@pytest.mark.parametrize("kind", ["Deployment", "Service", "PodDisruptionBudget"])
def test_selectors_match_the_pods_of_one_deployment(kind: str) -> None:
    for manifest in of_kind(kind):
        selector = manifest["spec"]["selector"]
        wanted = selector.get("matchLabels", selector)

        matching = [labels for labels in labels_of_pods() if wanted.items() <= labels.items()]

        assert len(matching) == 1, manifest["metadata"]["name"]


def test_services_and_probes_aim_at_ports_that_their_pods_have() -> None:
    ports = {
        port["name"]: port["containerPort"] for c in containers() for port in c.get("ports", [])
    }
    aims = [port["targetPort"] for s in of_kind("Service") for port in s["spec"]["ports"]]
    probes = [c[p] for c in containers() for p in c if p.endswith("Probe")]
    aims += [p[way]["port"] for p in probes for way in ("httpGet", "tcpSocket", "grpc") if way in p]

    assert set(aims) <= set(ports) | set(ports.values())


def test_settings_that_the_deployments_give_exist() -> None:
    given = {name for config in of_kind("ConfigMap") for name in config["data"]}
    compose = yaml.safe_load((_ROOT / "docker-compose.yml").read_text())["services"]
    ours = [service for service in compose.values() if "build" in service]
    assert len(ours) == 4
    given |= {name for service in ours for name in service["environment"]}
    given |= set(re.findall(r"TREADLE_\w+(?==)", _DOCKERFILE))

    assert given <= KNOWN_SETTINGS
    assert KNOWN_SETTINGS >= _SECRETS
    assert not any(_SECRETS & set(config["data"]) for config in of_kind("ConfigMap"))


def test_every_container_is_confined_probed_and_limited() -> None:
    for container in containers():
        security = container["securityContext"]
        assert security["readOnlyRootFilesystem"] is True
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert set(container["resources"]) == {"requests", "limits"}
    for deployment in of_kind("Deployment"):
        pod = pod_of(deployment)
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            assert {"livenessProbe", "readinessProbe", "startupProbe"} <= set(container)


def test_the_grace_period_covers_the_workers_drain() -> None:
    fields = treadle_worker.settings.Settings.model_fields
    names = ("worker_drain_seconds", "stop_grace_seconds", "worker_report_seconds")
    drain = sum(fields[name].default for name in names)
    [worker] = [d for d in of_kind("Deployment") if d["metadata"]["name"] == "treadle-worker"]
    compose = yaml.safe_load((_ROOT / "docker-compose.yml").read_text())["services"]

    assert drain == 25
    assert pod_of(worker)["terminationGracePeriodSeconds"] >= drain + 5
    assert compose["worker"]["stop_grace_period"] == "30s"


def test_images_are_pinned_run_as_nobody_special_and_receive_signals() -> None:
    bases = set(re.findall(r"^FROM (\S+)", _DOCKERFILE, re.MULTILINE))
    stages = set(re.findall(r" AS (\S+)$", _DOCKERFILE, re.MULTILINE))
    entrypoints = re.findall(r"^ENTRYPOINT (.*)$", _DOCKERFILE, re.MULTILINE)

    assert bases - stages == {"${PYTHON_IMAGE}"}
    assert "ARG PYTHON_IMAGE=python:3.11-slim-bookworm" in _DOCKERFILE.splitlines()
    assert re.findall(r"^USER (.*)$", _DOCKERFILE, re.MULTILINE)[-1] == "10001:10001"
    assert len(entrypoints) == 3
    assert all(re.fullmatch(r'\["python".*, "-m", "treadle_\w+"\]', each) for each in entrypoints)


def test_compose_waits_for_health_and_publishes_on_loopback_only() -> None:
    services = yaml.safe_load((_ROOT / "docker-compose.yml").read_text())["services"]

    published = [port for service in services.values() for port in service.get("ports", [])]
    waits = [wait for s in services.values() for wait in s.get("depends_on", {}).values()]

    assert published == ["127.0.0.1:${TREADLE_PORT:-8000}:8000"]
    assert {wait["condition"] for wait in waits} == {
        "service_healthy",
        "service_completed_successfully",
    }
    assert all("healthcheck" in services[name] for name in ("postgres", "redis"))
    # A container that starts again gives a tmpfs the mode of the folder beneath: of ours only /tmp stays open to all.
    assert {path for s in services.values() for path in s.get("tmpfs", [])} == {"/tmp", "/data"}
    assert _DOCKERFILE.count("HEALTHCHECK") == 3
