from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from nova_watchdog.core.diagnose import Diagnosis
from telemetry import pictures
from telemetry.exported import TARGET, held, names_in, promtool, run_tests, unknown_in

GRAFANA = Path(__file__).parents[2] / "grafana"
FILE = GRAFANA / "dashboards" / "nova-watchdog-fleet.json"
VARIABLES = {
    "$job": "nova-watchdog",
    "$instance": ".+",
    "$pairing": ".+",
    "$__rate_interval": "1m",
}


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text())
    return found


def panels() -> list[dict[str, Any]]:
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[tuple[str, str]]:
    """Every panel's title with each of its expressions, variables filled in."""
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], filled(target["expr"])


def filled(expression: str) -> str:
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    return expression


def builder() -> ModuleType:
    """`grafana/build.py`, which is no part of a package."""
    spec = importlib.util.spec_from_file_location("grafana_build", GRAFANA / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_dashboard_is_current() -> None:
    """Build it again with `python grafana/build.py`."""
    assert FILE.read_text() == builder().text()


@pytest.mark.parametrize(("title", "expression"), list(expressions()), ids=lambda value: value[:40])
def test_a_panel_asks_only_for_what_is_exported(title: str, expression: str) -> None:
    """Metrics, labels, and the members of closed lists."""
    assert unknown_in(expression) == [], title
    assert names_in(expression) or "up{" in expression


def test_variables_ask_only_for_what_is_exported() -> None:
    """A variable without values leaves every panel empty."""
    queries = [entry["query"] for entry in dashboard()["templating"]["list"] if entry["type"] == "query"]
    assert len(queries) == 3
    for query in queries:
        assert unknown_in(query) == []
        assert names_in(query)


@pytest.mark.real
def test_prometheus_understands_every_expression(tmp_path: Path) -> None:
    """promtool parses them as recording rules."""
    rules = [{"record": f"panel:{n}", "expr": text} for n, (_, text) in enumerate(expressions())]
    document = {"groups": [{"name": "panels", "rules": rules}]}
    (tmp_path / "panels.yml").write_text(json.dumps(document))
    assert f"{len(rules)} rules found" in promtool("check", "rules", "panels.yml", folder=tmp_path)


@pytest.mark.real
def test_the_diagnosis_panel_shows_the_diagnosis_that_holds(tmp_path: Path) -> None:
    """For every state of a pairing the panel's number is the one that its mapping calls by that word."""
    (panel,) = [panel for panel in panels() if panel["title"] == "Diagnosis"]
    texts = panel["fieldConfig"]["defaults"]["mappings"][0]["options"]
    numbers = {entry["text"]: int(number) for number, entry in texts.items()}
    assert set(numbers) == {diagnosis.value for diagnosis in Diagnosis}
    tests = []
    for make in pictures.EVERY:
        story = make()
        assert story.decision is not None
        number = numbers[story.decision.diagnosis.diagnosis.value]
        shown = {"labels": '{instance="ctl1:9743", pairing="cluster-a"}', "value": number}
        check = {"expr": filled(panel["targets"][0]["expr"]), "eval_time": "5m", "exp_samples": [shown]}
        tests.append(
            {
                "name": make.__name__,
                "input_series": held(pictures.fleet(story)),
                "promql_expr_test": [check],
            }
        )
    run_tests(tests, tmp_path)


@pytest.mark.real
def test_the_numbers_count(tmp_path: Path) -> None:
    """Three pairings, one of them given up, one not watched, and another job's target that is down."""
    expected = {
        "Pairings": 3,
        "Not watched": 1,
        "Not healthy": 1,
        "Given up": 1,
        "Without a record": 0,
        "Watchdogs that do not answer": 0,
    }
    asked = dict(expressions())
    snapshot = pictures.fleet(pictures.given_up(), pictures.healthy("cluster-b"), unwatched=["cluster-x"])
    other = {"series": 'up{job="other", instance="somewhere"}', "values": "0x80"}
    checks = [
        {"expr": asked[title], "eval_time": "5m", "exp_samples": [{"labels": "{}", "value": number}]}
        for title, number in expected.items()
    ]
    run_tests([{"input_series": [*held(snapshot), other], "promql_expr_test": checks}], tmp_path)
    down = [{"series": f"up{{{TARGET}}}", "values": "0x80"}]
    text = asked["Watchdogs that do not answer"]
    one = {"expr": text, "eval_time": "5m", "exp_samples": [{"labels": "{}", "value": 1}]}
    run_tests([{"input_series": down, "promql_expr_test": [one]}], tmp_path)


def test_panels_have_titles_descriptions_and_places_of_their_own() -> None:
    """Nothing overlaps, nothing is wider than the grid, every number is used once."""
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
    numbers = [panel["id"] for panel in dashboard()["panels"]]
    assert sorted(set(numbers)) == sorted(numbers)
    assert all(panel["title"] and panel["description"] for panel in panels())


def test_every_panel_uses_the_chosen_data_source() -> None:
    """None is bound to the data source of the machine it was made on."""
    for panel in panels():
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_every_state_has_a_colour_and_healthy_alone_is_green() -> None:
    """In the panel of diagnoses green means healthy."""
    (panel,) = [panel for panel in panels() if panel["title"] == "Diagnosis"]
    texts = panel["fieldConfig"]["defaults"]["mappings"][0]["options"].values()
    assert [entry["text"] for entry in texts if entry["color"] == "green"] == ["healthy"]


def test_the_provisioning_examples_are_whole() -> None:
    """Grafana reads them as YAML; the dashboards' one names a folder."""
    dashboards = yaml.safe_load((GRAFANA / "provisioning" / "dashboards.example.yml").read_text())
    sources = yaml.safe_load((GRAFANA / "provisioning" / "datasources.example.yml").read_text())
    assert dashboards["apiVersion"] == sources["apiVersion"] == 1
    assert dashboards["providers"][0]["options"]["path"].startswith("/")
    assert sources["datasources"][0]["type"] == "prometheus"


def test_the_readme_says_that_nobody_saw_it() -> None:
    """Until somebody has, it must not be claimed."""
    assert re.search(r"not rendered in Grafana", (GRAFANA / "README.md").read_text())
