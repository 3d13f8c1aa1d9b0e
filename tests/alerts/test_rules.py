from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from telemetry import pictures
from telemetry.exported import held, names_in, promtool, run_tests, unknown_in
from telemetry.pictures import Story

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "alerts"
RUNBOOKS = ROOT / "docs" / "runbooks"
RULES = ALERTS / "nova-watchdog.rules.yml"


def rules() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


@pytest.mark.real
def test_promtool_takes_the_rules() -> None:
    """Prometheus' own tool finds nothing wrong, and as many rules as we do."""
    assert f"SUCCESS: {len(rules())} rules found" in promtool("check", "rules", RULES.name, folder=ALERTS)


@pytest.mark.real
def test_promtool_takes_the_example_of_a_configuration() -> None:
    """What the example says is valid and loads these rules."""
    out = promtool("check", "config", "prometheus.example.yml", folder=ALERTS)
    assert "1 rule files found" in out
    jobs = yaml.safe_load((ALERTS / "prometheus.example.yml").read_text())["scrape_configs"]
    assert [job["job_name"] for job in jobs] == ["nova-watchdog"]


@pytest.mark.real
@pytest.mark.parametrize("name", sorted(rules()))
def test_the_alert_fires_ignores_a_blip_and_resolves(name: str) -> None:
    """promtool runs the alert's own test file."""
    promtool("test", "rules", f"tests/{name}.test.yml", folder=ALERTS)


@pytest.mark.parametrize("name", sorted(rules()))
def test_the_alerts_test_file_tests_what_it_must(name: str) -> None:
    """One test in which it is quiet, fires, and is quiet again; and one in which it never fires."""
    tests = yaml.safe_load((ALERTS / "tests" / f"{name}.test.yml").read_text())["tests"]
    shapes = []
    for test in tests:
        checks = test["alert_rule_test"]
        assert {check["alertname"] for check in checks} == {name}
        shapes.append("".join("x" if check.get("exp_alerts") else "." for check in checks))
    assert any(shape.startswith(".") and "x" in shape and shape.endswith(".") for shape in shapes)
    assert any(set(shape) == {"."} for shape in shapes)


def test_no_test_file_is_left_over() -> None:
    """Each belongs to an alert."""
    assert {path.name for path in (ALERTS / "tests").iterdir()} == {f"{name}.test.yml" for name in rules()}


@pytest.mark.parametrize("name", sorted(rules()))
def test_the_alert_asks_only_for_what_is_exported(name: str) -> None:
    """Every metric, label and member of a closed list exists: a typing error would never fire."""
    expression = rules()[name]["expr"]
    assert unknown_in(expression) == []
    assert names_in(expression) or "up{" in expression


def test_the_check_of_expressions_finds_mistakes() -> None:
    """A metric, a label and a value that do not exist are told."""
    wrong = 'nova_watchdog_nothing + nova_watchdog_pairing_phase{fase="new"}'
    assert unknown_in(wrong) == ["nova_watchdog_nothing", "nova_watchdog_pairing_phase{fase}"]
    value = 'nova_watchdog_pairing_phase{phase=~"new|gone"}'
    assert unknown_in(value) == ['nova_watchdog_pairing_phase{phase="gone"}']


@pytest.mark.parametrize("name", sorted(rules()))
def test_the_alert_tells_a_human_what_is_wrong_and_where_to_read_on(name: str) -> None:
    """Summary, description, a known severity, and a runbook that exists and answers the questions."""
    rule = rules()[name]
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"].endswith(".")
    assert rule["annotations"]["runbook_url"] == f"docs/runbooks/{name}.md"
    text = (RUNBOOKS / f"{name}.md").read_text()
    assert text.startswith(f"# {name}\n")
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings == ["## Meaning", "## Impact", "## What the watchdog does", "## What to do"]


def test_no_runbook_is_left_over() -> None:
    """Each belongs to an alert, or is the list of them, which names all."""
    names = {path.stem for path in RUNBOOKS.iterdir()}
    assert names == set(rules()) | {"README"}
    listed = (RUNBOOKS / "README.md").read_text()
    assert [name for name in rules() if f"[{name}]({name}.md)" not in listed] == []


RAISED: dict[Callable[[], Story], set[str]] = {
    pictures.healthy: set(),
    pictures.killed: {"PairingDown"},
    pictures.killed_just_now: {"PairingDown"},
    pictures.given_up: {"PairingDown", "BudgetSpent"},
    pictures.elsewhere: set(),
    pictures.vcenter_down: {"VCenterDown"},
    pictures.login_refused: {"VCenterLoginRefused"},
    pictures.cluster_gone: {"ClusterGone"},
    pictures.waiting: {"PairingDown", "VCenterDown"},
    pictures.stopped: {"StoppedOnPurpose"},
    pictures.not_reporting: {"NotReporting"},
    pictures.blind: {"ControlPlaneBlind"},
    pictures.no_conductor: {"ControlPlaneBlind"},
    pictures.no_record: {"NotReporting"},
    pictures.disabled: set(),
    pictures.auto_disabled: set(),
    pictures.stuck_disabled: {"StuckDisabled"},
    pictures.forced_down: set(),
    pictures.starting: set(),
    pictures.changing: set(),
    pictures.unit_missing: {"PairingDown"},
    pictures.unread: {"ReadingsStale"},
    pictures.record_unwritable: {"RecordUnwritable"},
}


@pytest.mark.real
def test_each_state_of_a_pairing_raises_exactly_its_alerts(tmp_path: Path) -> None:
    """The exporter's own series, held for 20 minutes, go through Prometheus' rule engine."""
    assert set(RAISED) == set(pictures.EVERY)
    firing = 'count by (alertname) (ALERTS{alertstate="firing"})'
    tests = []
    for story, expected in RAISED.items():
        raised = [{"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in sorted(expected)]
        tests.append(
            {
                "name": story.__name__,
                "input_series": held(pictures.fleet(story())),
                "promql_expr_test": [{"expr": firing, "eval_time": "19m", "exp_samples": raised}],
            }
        )
    raised = [{"labels": '{alertname="PairingUnwatched"}', "value": 1}]
    tests.append(
        {
            "name": "unwatched",
            "input_series": held(pictures.fleet(pictures.healthy(), unwatched=["cluster-b"])),
            "promql_expr_test": [{"expr": firing, "eval_time": "19m", "exp_samples": raised}],
        }
    )
    run_tests(tests, tmp_path, RULES)
