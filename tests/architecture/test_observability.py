"""Alerts that somebody can act on, and a dashboard that asks for what there is."""

import re

import pytest
from tests.architecture.observability import (
    RUNBOOK,
    Rule,
    alerts,
    dashboard,
    expressions,
    metrics_of,
    selections,
)
from tests.architecture.rendered import ROOT

_PANELS = [panel for panel in dashboard()["panels"] if panel["type"] != "row"]

each_alert = pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
each_panel = pytest.mark.parametrize("panel", _PANELS, ids=lambda panel: panel["title"])


@each_alert
def test_an_alert_says_how_bad_it_is_and_where_to_read_on(alert: Rule) -> None:
    name = alert["alert"]

    assert re.fullmatch(r"Treadle[A-Za-z]+", name)
    assert set(alert) - {"for"} == {"alert", "expr", "labels", "annotations"}
    assert alert["labels"] in ({"severity": "critical"}, {"severity": "warning"})
    assert set(alert["annotations"]) == {"summary", "runbook"}
    assert alert["annotations"]["runbook"] == f"docs/runbook.md#{name.lower()}"


def test_the_runbook_has_a_whole_section_for_each_alert_and_for_nothing_else() -> None:
    _, *sections = re.split(r"^## ", RUNBOOK.read_text(encoding="utf-8"), flags=re.MULTILINE)

    assert [section.splitlines()[0] for section in sections] == [each["alert"] for each in alerts()]
    for section in sections:
        parts = re.findall(r"^\*\*(\w+)\*\*", section, re.MULTILINE)
        assert parts == ["Means", "Look", "Likely", "Do"], section.splitlines()[0]


def test_the_rules_of_alerts_have_tests_that_let_them_speak_and_be_silent() -> None:
    tests = (ROOT / "tests/verify/alerts_test.yml").read_text()
    spoken = re.findall(r"alertname: (\w+)\n *exp_alerts", tests)
    silent = re.findall(r"alertname: (\w+)}", tests)

    names = {each["alert"] for each in alerts()}

    assert set(spoken) == names
    assert set(silent) == names


def test_panels_have_names_and_places_of_their_own() -> None:
    panels = dashboard()["panels"]
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({panel["title"] for panel in panels}) == len(panels)
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) == 23


@each_panel
def test_a_panel_has_a_unit_and_asks_the_data_source_that_was_chosen(panel: Rule) -> None:
    chosen = {"type": "prometheus", "uid": "${datasource}"}

    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["datasource"] == chosen
    assert all(target["datasource"] == chosen for target in panel["targets"])
    assert all(metrics_of(expression) for expression in expressions(panel))


@each_panel
def test_a_panel_of_what_queues_have_follows_the_chosen_queues(panel: Rule) -> None:
    labelled = "treadle_store_queue_", "treadle_worker_job", "treadle_api_jobs_"

    for target in panel["targets"]:
        assert ("$queue" in target["expr"]) == any(name in target["expr"] for name in labelled)


def test_all_metrics_that_are_asked_for_are_documented_with_their_labels() -> None:
    page = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(treadle_\w+)` \| \w+ \| (.*?) \|", page, re.MULTILINE)
    documented = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}
    asked = [alert["expr"] for alert in alerts()]
    asked += [expression for panel in _PANELS for expression in expressions(panel)]

    for expression in asked:
        for family, labels in selections(expression):
            assert family == "up" or labels <= documented[family], expression
