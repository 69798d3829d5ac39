"""The alerts and the dashboard, and which metrics they ask for."""

import json
import re
from collections.abc import Iterator
from typing import Any

import promql_parser
import yaml
from tests.architecture.rendered import ROOT

FOLDER = ROOT / "deploy/observability"
RUNBOOK = ROOT / "docs/runbook.md"
_VARIABLES = {"$__rate_interval": "5m", "$queue": ".*"}
_PARTS_OF_HISTOGRAMS = re.compile(r"_(bucket|count|sum)$")

Rule = dict[str, Any]


def alerts() -> list[Rule]:
    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    said: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text())
    return said


def expressions(panel: dict[str, Any]) -> list[str]:
    """As Grafana would ask them, of all queues."""
    asked = [target["expr"] for target in panel.get("targets", [])]
    for variable, value in _VARIABLES.items():
        asked = [expression.replace(variable, value) for expression in asked]
    return asked


def metrics_of(expression: str) -> set[str]:
    """Names of families. Raises ValueError if it is no PromQL."""
    return {family for family, _ in selections(expression)}


def selections(expression: str) -> list[tuple[str, set[str]]]:
    """Each family that is asked for, and the labels that it is chosen by."""
    return [
        (_PARTS_OF_HISTOGRAMS.sub("", each.name), {m.name for m in each.matchers.matchers})
        for each in _selectors(promql_parser.parse(expression))
        if each.name
    ]


def _selectors(node: Any) -> Iterator[promql_parser.VectorSelector]:
    if isinstance(node, promql_parser.VectorSelector):
        yield node
    for name in ("lhs", "rhs", "expr", "args", "vector_selector", "param"):
        below = getattr(node, name, None)
        for each in below if isinstance(below, list) else [below] if below is not None else []:
            yield from _selectors(each)
