"""The manifests as a cluster gets them, and the settings that our services know."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic_settings import BaseSettings

import treadle_api.settings
import treadle_store.settings
import treadle_worker.settings

ROOT = Path(__file__).parents[2]
K8S = ROOT / "deploy/k8s"
_SETTINGS: tuple[type[BaseSettings], ...] = (
    treadle_api.settings.Settings,
    treadle_store.settings.Settings,
    treadle_worker.settings.Settings,
)
KNOWN_SETTINGS = {f"TREADLE_{name.upper()}" for s in _SETTINGS for name in s.model_fields}

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Rendered:
    """`folder`: beneath deploy/k8s."""

    folder: str

    @property
    def manifests(self) -> list[Manifest]:
        return _rendered(self.folder)

    def of_kind(self, *kinds: str) -> list[Manifest]:
        return [manifest for manifest in self.manifests if manifest["kind"] in kinds]

    def names(self, kind: str) -> set[str]:
        return {manifest["metadata"]["name"] for manifest in self.of_kind(kind)}

    @property
    def workloads(self) -> list[Manifest]:
        return self.of_kind("Deployment", "StatefulSet")

    def pod(self, name: str) -> Manifest:
        [workload] = [each for each in self.workloads if each["metadata"]["name"] == name]
        return pod_of(workload)

    def containers(self) -> Iterator[Manifest]:
        for workload in self.workloads:
            pod = pod_of(workload)
            yield from [*pod["containers"], *pod.get("initContainers", [])]

    def pods_with(self, labels: dict[str, str]) -> list[Manifest]:
        """The workloads that a selector of these labels means."""
        return [
            each
            for each in self.workloads
            if labels.items() <= each["spec"]["template"]["metadata"]["labels"].items()
        ]


def pod_of(workload: Manifest) -> Manifest:
    spec: Manifest = workload["spec"]["template"]["spec"]
    return spec


@cache
def _rendered(folder: str) -> list[Manifest]:
    kubectl = Path(sys.executable).with_name("kubectl")
    command = [str(kubectl), "kustomize", str(K8S / folder)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    return list(yaml.safe_load_all(ended.stdout))
