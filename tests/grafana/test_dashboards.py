"""The rules of Grafana's dashboard linter, re-stated, and some of our own."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest
import yaml

from alerts.scenes import alert_rules
from grafana.dashboards import (
    FILES,
    GRAFANA,
    Query,
    all_panels,
    annotation_queries,
    boards,
    offered,
    panels,
    queries,
    variables,
)
from telemetry.exported import names_in, unknown_in

NAMES = sorted(boards())
EVERY_PANEL = list(all_panels())
# These hold a number or a line, which means nothing without a unit.
WITH_UNITS = ("stat", "timeseries", "gauge", "table", "bargauge")
SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def _title(value: Any) -> str:
    return value["title"] if isinstance(value, dict) else str(value)


def test_the_committed_dashboards_are_current() -> None:
    """Build them again with `python -m grafana.build`."""
    command = [sys.executable, "-m", "grafana.build", "--check"]
    done = subprocess.run(command, cwd=GRAFANA.parent, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_there_is_one_for_each_thing_that_people_look_at() -> None:
    """The fleet, a pairing, a vCenter, the daemons."""
    assert [path.stem.removeprefix("nova-watchdog-") for path in FILES] == [
        "daemons",
        "fleet",
        "pairing",
        "vcenter",
    ]
    assert all(boards()[name]["uid"] == name for name in NAMES)


@pytest.mark.parametrize("board", NAMES)
def test_the_data_source_is_a_choice(board: str) -> None:
    """template-datasource-rule: none is bound to the machine it was made on."""
    chosen = variables(board)["datasource"]
    assert (chosen["type"], chosen["query"], chosen["label"]) == ("datasource", "prometheus", "Data source")
    for panel in panels(board):
        assert panel["datasource"] == SOURCE
    for entry in boards()[board]["annotations"]["list"]:
        assert entry["datasource"] == SOURCE


@pytest.mark.parametrize("board", NAMES)
@pytest.mark.parametrize(("name", "label"), [("job", "Job"), ("instance", "Instance")])
def test_job_and_instance_are_choices(board: str, name: str, label: str) -> None:
    """template-job-rule and template-instance-rule: several, all of them as `.+`."""
    chosen = variables(board)[name]
    assert chosen["type"] == "query"
    assert chosen["label"] == label
    assert chosen["datasource"] == SOURCE
    assert chosen["multi"] is True
    assert chosen["includeAll"] is True
    assert chosen["allValue"] == ".+"


@pytest.mark.parametrize("board", NAMES)
def test_choices_follow_the_time_range(board: str) -> None:
    """template-on-time-change-reload-rule; and each asks only for what is exported."""
    for entry in variables(board).values():
        if entry["type"] == "query":
            assert entry["refresh"] == 2
            selector, label = offered(entry["query"])
            assert unknown_in(selector.replace('"$vcenter"', '".+"')) == []
            assert names_in(selector)
            assert label in ("job", "instance") or label == entry["name"]


@pytest.mark.parametrize("board", NAMES)
def test_nobody_edits_a_dashboard_in_place(board: str) -> None:
    """uneditable-dashboard-rule: the code is what is edited."""
    assert boards()[board]["editable"] is False


@pytest.mark.parametrize(("board", "panel"), EVERY_PANEL, ids=_title)
def test_a_panel_says_what_it_shows(board: str, panel: dict[str, Any]) -> None:
    """panel-title-description-rule, panel-units-rule, panel-no-targets-rule."""
    del board
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["targets"]
    assert all(target["expr"].strip() for target in panel["targets"])
    letters = [target["refId"] for target in panel["targets"]]
    assert len(set(letters)) == len(letters)
    if panel["type"] in WITH_UNITS:
        assert panel["fieldConfig"]["defaults"]["unit"]


@pytest.mark.parametrize("query", [*queries(), *annotation_queries()], ids=lambda query: query.name)
def test_a_query_keeps_to_the_chosen_daemons(query: Query) -> None:
    """target-job-rule and target-instance-rule: in every selector. Alerts have put the instances together."""
    selectors = re.findall(r"\b(?:nova_watchdog_\w+|process_\w+|up|ALERTS)(\{[^}]*\})?", query.expression)
    assert selectors
    for selector in selectors:
        assert 'job=~"$job"' in selector
        assert 'instance=~"$instance"' in selector or "alertstate=" in selector


@pytest.mark.parametrize("query", [*queries(), *annotation_queries()], ids=lambda query: query.name)
def test_a_counter_is_shown_by_its_growth(query: Query) -> None:
    """target-counter-agg-rule and target-rate-interval-rule."""
    counters = re.findall(r"(\w+)\((?:nova_watchdog|process)_\w+_total\{", query.expression)
    assert len(counters) == len(re.findall(r"_total\b", query.expression))
    assert set(counters) <= {"rate", "increase"}
    assert set(re.findall(r"\[([^\]]*)\]", query.expression)) <= {"$__rate_interval"}


@pytest.mark.parametrize("query", [*queries(), *annotation_queries()], ids=lambda query: query.name)
def test_a_query_asks_only_for_what_is_exported(query: Query) -> None:
    """Metrics, labels, and the members of closed lists."""
    expression = query.expression.replace("$vcenter", ".+").replace("$pairing", ".+")
    expression = re.sub(r', kind=~"[^"]*", target=~"[^"]*"', "", expression).replace(', concern!=""', "")
    assert unknown_in(expression) == []
    assert names_in(expression) or re.search(r"\b(up|ALERTS)\{", expression)


@pytest.mark.parametrize("board", NAMES)
def test_panels_have_places_of_their_own(board: str) -> None:
    """Nothing overlaps, nothing is wider than the grid, every number is used once."""
    taken: set[tuple[int, int]] = set()
    for panel in boards()[board]["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
    numbers = [panel["id"] for panel in boards()[board]["panels"]]
    assert sorted(set(numbers)) == sorted(numbers)


@pytest.mark.parametrize("board", NAMES)
def test_titles_within_a_dashboard_are_told_apart(board: str) -> None:
    """No two panels have the same one."""
    titles = [panel["title"] for panel in panels(board)]
    assert sorted(set(titles)) == sorted(titles)


@pytest.mark.parametrize("board", NAMES)
def test_actions_are_marked_in_every_dashboard(board: str) -> None:
    """As annotations with texts of their own."""
    (entry,) = boards()[board]["annotations"]["list"]
    assert entry["enable"] is True
    assert "nova_watchdog_actions_total" in entry["expr"]
    assert entry["titleFormat"] == "{{pairing}}: {{action}} {{outcome}}"


@pytest.mark.parametrize("board", NAMES)
def test_the_dashboards_lead_to_each_other(board: str) -> None:
    """By a tag that all of them have."""
    (link,) = boards()[board]["links"]
    assert (link["type"], link["tags"], link["asDropdown"], link["keepTime"]) == (
        "dashboards",
        ["nova-watchdog"],
        True,
        True,
    )
    assert "nova-watchdog" in boards()[board]["tags"]


def test_links_lead_to_dashboards_and_runbooks_that_exist() -> None:
    """A row leads to its pairing, an alert to its runbook."""
    seen = set()
    for board, panel in EVERY_PANEL:
        for link in panel["fieldConfig"]["defaults"].get("links") or []:
            assert "runbooks" in variables(board)
            if match := re.fullmatch(r"/d/([\w-]+)\?.*", link["url"]):
                assert match[1] in NAMES
                assert "var-pairing=${__field.labels.pairing}" in link["url"]
                assert "pairing" in panel["targets"][0]["legendFormat"]
                seen.add("pairing")
            else:
                match = re.fullmatch(r"\$\{runbooks\}/(.*)\.md", link["url"])
                assert match is not None, link["url"]
                assert match[1] == "${__field.labels.alertname}" or match[1] in alert_rules()
                seen.add("runbook")
    assert seen == {"pairing", "runbook"}


def test_every_state_has_a_colour_and_healthy_alone_is_green() -> None:
    """In the panels of diagnoses green means healthy."""
    found = [panel for _, panel in EVERY_PANEL if panel["title"] == "Diagnosis"]
    assert len(found) == 3
    for panel in found:
        texts = panel["fieldConfig"]["defaults"]["mappings"][0]["options"].values()
        assert [entry["text"] for entry in texts if entry["color"] == "green"] == ["healthy"]


def test_the_provisioning_examples_are_whole() -> None:
    """Grafana reads them as YAML; the dashboards' one names a folder."""
    provider = yaml.safe_load((GRAFANA / "provisioning" / "dashboards.example.yml").read_text())
    sources = yaml.safe_load((GRAFANA / "provisioning" / "datasources.example.yml").read_text())
    assert provider["apiVersion"] == sources["apiVersion"] == 1
    assert provider["providers"][0]["options"]["path"].startswith("/")
    assert sources["datasources"][0]["type"] == "prometheus"


def test_the_readme_says_that_nobody_saw_them() -> None:
    """Until somebody has, it must not be claimed; and it names every file."""
    text = (GRAFANA / "README.md").read_text()
    assert re.search(r"not rendered in Grafana", text)
    assert [path.name for path in FILES if path.name not in text] == []
