"""Writes the alerts once more, as the Prometheus operator reads them, since kustomize cannot put files into manifests.

Run: python docs/render_rules.py
"""

from pathlib import Path

import yaml

_DEPLOY = Path(__file__).parents[1] / "deploy"
RULES = _DEPLOY / "k8s/components/prometheus/rules.yaml"
_HEAD = "# Rendered from deploy/observability/alerts.yml: make docs\n"


class _Dumper(yaml.SafeDumper):
    """Keeps expressions of several lines as they were written."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:str", text, "|" if "\n" in text else None)


_Dumper.add_representer(str, _Dumper.represent_text)


def render() -> str:
    manifest = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "treadle"},
        "spec": yaml.safe_load((_DEPLOY / "observability/alerts.yml").read_text()),
    }
    return _HEAD + yaml.dump(manifest, Dumper=_Dumper, sort_keys=False, width=120)


if __name__ == "__main__":
    RULES.write_text(render())
