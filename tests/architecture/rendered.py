"""The manifests as a cluster gets them, and the settings that our services know."""

import os
import subprocess
import sys
import tempfile
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
    """`folder`: beneath deploy/k8s, with `components` of deploy/k8s/components put in."""

    folder: str
    components: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "+".join((self.folder, *self.components))

    @property
    def manifests(self) -> list[Manifest]:
        return _rendered(self.folder, self.components)

    def of_kind(self, *kinds: str) -> list[Manifest]:
        return [manifest for manifest in self.manifests if manifest["kind"] in kinds]

    def names(self, kind: str) -> set[str]:
        return {manifest["metadata"]["name"] for manifest in self.of_kind(kind)}

    @property
    def settings(self) -> dict[str, str]:
        """Those that are no secrets."""
        [config] = [c for c in self.of_kind("ConfigMap") if c["metadata"]["name"] == "treadle"]
        data: dict[str, str] = config["data"]
        return data

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
def _rendered(folder: str, components: tuple[str, ...]) -> list[Manifest]:
    if not components:
        return _built(K8S / folder)
    with tempfile.TemporaryDirectory() as made:
        # kustomize takes folders elsewhere by relative paths only.
        here = Path(os.path.relpath(K8S, Path(made).resolve()))
        composed = {
            "namespace": "treadle",
            "resources": [str(here / folder)],
            "components": [str(here / "components" / name) for name in components],
        }
        Path(made, "kustomization.yaml").write_text(yaml.safe_dump(composed))
        return _built(Path(made))


def _built(folder: Path) -> list[Manifest]:
    kubectl = Path(sys.executable).with_name("kubectl")
    command = [str(kubectl), "kustomize", str(folder)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    return list(yaml.load_all(ended.stdout, Loader=yaml.CSafeLoader))
