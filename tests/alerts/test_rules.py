from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.scenes import ALERTS, RULE_FILES, Kind, alert_rules, all_rules, groups
from alerts.write import FOLDER, SCENES, text
from nova_watchdog.core.diagnose import Condition, Diagnosis, condition_of
from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.snapshot import FleetSnapshot
from nova_watchdog.core.store_size import StoreSize
from telemetry import pictures, shared
from telemetry.exported import held, names_in, promtool, unknown_in
from telemetry.pictures import Story

RECORDED = {
    "vcenter_view": "nova_watchdog_vcenter_state",
    "bus_view": "nova_watchdog_bus_state",
    "store_view": "nova_watchdog_store_up",
    "standby_view": "nova_watchdog_standby_ready",
    "pairing_claim": "nova_watchdog_hold",
    **{
        f"pairing_{name}": f"nova_watchdog_pairing_{name}"
        for name in ("diagnosis", "phase", "service_state", "concern")
    },
}
NAMES = sorted(alert_rules())


def expressions() -> dict[str, str]:
    """What each rule asks for, by its name."""
    return {rule.get("alert") or rule["record"]: str(rule["expr"]) for rule in all_rules()}


def as_scraped(expression: str) -> str:
    """With the daemon's own metric in the place of a recorded one that has the same labels."""
    for recorded, metric in RECORDED.items():
        expression = re.sub(rf"\bnova_watchdog:{recorded}\b", metric, expression)
    return expression


@pytest.mark.real
def test_promtool_takes_the_rules() -> None:
    """Prometheus' own tool and its lint find nothing wrong, and as many rules as we do."""
    out = promtool("check", "rules", "--lint=all", "--lint-fatal", *RULE_FILES, folder=ALERTS)
    assert sum(int(count) for count in re.findall(r"SUCCESS: (\d+) rules found", out)) == len(all_rules())


@pytest.mark.real
def test_promtool_takes_the_example_of_a_configuration() -> None:
    """What the example says is valid and loads these rules, all of them."""
    out = promtool("check", "config", "prometheus.example.yml", folder=ALERTS)
    assert f"{len(RULE_FILES)} rule files found" in out
    example = yaml.safe_load((ALERTS / "prometheus.example.yml").read_text())
    assert tuple(example["rule_files"]) == RULE_FILES
    assert {path.name for path in ALERTS.glob("*.rules.yml")} == set(RULE_FILES)
    assert [job["job_name"] for job in example["scrape_configs"]] == ["nova-watchdog"]


@pytest.mark.real
@pytest.mark.parametrize("name", NAMES)
def test_the_alert_fires_ignores_a_blip_resolves_and_survives_a_loss(name: str) -> None:
    """promtool runs the alert's own test file."""
    promtool("test", "rules", f"tests/{name}.test.yml", folder=ALERTS)


@pytest.mark.parametrize("name", NAMES)
def test_the_committed_test_file_is_current(name: str) -> None:
    """Write them again with `PYTHONPATH=tests python -m alerts.write`."""
    assert (FOLDER / f"{name}.test.yml").read_text() == text(name)


def test_no_test_file_is_left_over() -> None:
    """Each belongs to an alert, and each alert has scenes."""
    assert {path.name for path in FOLDER.iterdir()} == {f"{name}.test.yml" for name in NAMES}
    assert sorted(SCENES) == NAMES


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"WatchdogHeartbeat"}))
def test_the_scenes_show_what_they_must(name: str) -> None:
    """Quiet, firing and quiet again; a blip; and the loss of the controller that reported it."""
    scenes = SCENES[name]
    for scene in scenes:
        checks = sorted([(step, ".") for step in scene.quiet] + [(step, "x") for step in scene.fires])
        shape = "".join(mark for _, mark in checks)
        if scene.kind is Kind.BLIP:
            assert set(shape) == {"."}
        if scene.kind is Kind.LOSS:
            assert "x" in shape
            assert any(controller.lost_at is not None for controller in scene.controllers)
    kinds = {scene.kind for scene in scenes}
    of_the_loss_itself = name in ("WatchdogDown", "WatchdogAbsent")
    assert {Kind.FIRES, Kind.BLIP} <= kinds
    assert of_the_loss_itself or Kind.LOSS in kinds
    resolves = [scene for scene in scenes if scene.kind is Kind.FIRES and scene.fires]
    assert any(max(scene.quiet) > max(scene.fires) for scene in resolves) or name == "WatchdogAbsent"


@pytest.mark.parametrize("name", sorted(expressions()))
def test_the_rule_asks_only_for_what_is_exported(name: str) -> None:
    """Every metric, label and member of a closed list exists: a typing error would never fire."""
    expression = as_scraped(expressions()[name])
    assert unknown_in(expression) == []
    known = set(expressions()) | {"nova_watchdog:pairing_labels"}
    recorded = set(re.findall(r"\bnova_watchdog:[\w:]+", expression))
    assert recorded <= known
    assert names_in(expression) or recorded or "up{" in expression or name == "WatchdogHeartbeat"


def test_the_check_of_expressions_finds_mistakes() -> None:
    """A metric, a label and a value that do not exist are told, recorded or not."""
    wrong = 'nova_watchdog_nothing + nova_watchdog_pairing_phase{fase="new"}'
    assert unknown_in(wrong) == ["nova_watchdog_nothing", "nova_watchdog_pairing_phase{fase}"]
    value = as_scraped('nova_watchdog:pairing_phase{phase=~"new|gone"}')
    assert unknown_in(value) == ['nova_watchdog_pairing_phase{phase="gone"}']


def test_a_pairing_fails_and_works_by_the_words_that_say_so() -> None:
    """A new diagnosis must be put into one of the two recorded views, or into the exceptions here."""
    own_alert = {
        Diagnosis.STOPPED_ON_PURPOSE,
        Diagnosis.AUTO_DISABLED,
        Diagnosis.STUCK_DISABLED,
        Diagnosis.VCENTER_LOGIN_REFUSED,
    }
    failed = {one for one in Diagnosis if condition_of(one) is Condition.FAILED} - own_alert
    good = (Condition.HEALTHY, Condition.DEGRADED)
    works = {one for one in Diagnosis if condition_of(one) in good} - {
        Diagnosis.RUNNING_ELSEWHERE,
        Diagnosis.STANDBY,
    }
    assert _words("nova_watchdog:pairing_failed") == {one.value for one in failed}
    assert _words("nova_watchdog:pairing_works") == {one.value for one in works}


def _words(record: str) -> set[str]:
    (listed,) = re.findall(r'diagnosis=~"([^"]*)"', expressions()[record])
    return set(listed.split("|"))


@pytest.mark.parametrize("name", NAMES)
def test_the_alert_tells_a_human_what_is_wrong_and_where_to_read_on(name: str) -> None:
    """Summary, description, a known severity, and the path of its runbook."""
    rule = alert_rules()[name]
    severities = ("none",) if name == "WatchdogHeartbeat" else ("critical", "warning", "info")
    assert rule["labels"]["severity"] in severities
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"].endswith(".")
    assert rule["annotations"]["runbook_url"] == f"docs/runbooks/{name}.md"


RAISED: dict[Callable[[], Story], set[str]] = {
    pictures.healthy: set(),
    pictures.killed: {"PairingDown"},
    pictures.killed_just_now: {"PairingDown"},
    pictures.given_up: {"PairingDown", "BudgetSpent"},
    pictures.elsewhere: {"PairingDegraded"},
    pictures.standby: set(),
    pictures.not_held: {"PairingDown"},
    pictures.vcenter_down: {"PairingDown", "VCenterDown", "ReadingMissing"},
    pictures.login_refused: {"VCenterLoginRefused", "ReadingMissing"},
    pictures.cluster_gone: {"PairingDown", "ClusterGone"},
    pictures.waiting: {"PairingDown", "VCenterDown", "ReadingMissing"},
    pictures.stopped: {"StoppedOnPurpose"},
    pictures.not_reporting: {"PairingDown", "NotReporting"},
    pictures.blind: {"ControlPlaneBlind", "ReadingsStale"},
    pictures.no_conductor: {"PairingDown", "ConductorsDown"},
    pictures.no_record: {"PairingDown", "NotReporting"},
    pictures.cell_down: {"PairingDown"},
    pictures.bus_down: {"PairingDown", "BusDown"},
    pictures.bus_blocked: {"PairingDown", "BusDown"},
    pictures.conductor_silent: {"PairingDown", "ConductorsDown"},
    pictures.hung: {"PairingDown", "ProcessHung"},
    pictures.unresponsive: {"PairingDegraded"},
    pictures.cluster_degraded: {"ClusterDegraded"},
    pictures.degraded: {"PairingDegraded"},
    pictures.paused: {"PairingDown"},
    pictures.maintenance: {"PairingDown"},
    pictures.disabled: {"DisabledByOperator"},
    pictures.auto_disabled: set(),
    pictures.stuck_disabled: {"StuckDisabled"},
    pictures.forced_down: {"DisabledByOperator"},
    pictures.starting: set(),
    pictures.changing: {"UnitStuck"},
    pictures.unit_missing: {"PairingDown"},
    pictures.unread: {"ReadingsStale", "ReadingMissing"},
    pictures.record_unwritable: {"RecordUnwritable"},
}


def shared_fleets() -> dict[str, tuple[FleetSnapshot, set[str]]]:
    """What one controller that shares cluster-a shows, and what that raises."""
    healthy, down = pictures.healthy(), pictures.not_held()
    broken = shared.with_keeper(shared.fleet(healthy), problem="no answer within 3 s")
    lacking = shared.hold(standbys=shared.NONE_READY)
    size = StoreSize(2**31, 2**31, alarms=("NOSPACE",))
    full = shared.with_keeper(shared.fleet(healthy), problem="database space exceeded", size=size)
    return {
        "held here": (shared.fleet(healthy), set()),
        "held elsewhere": (shared.standby_fleet(), set()),
        "no standby": (shared.fleet(healthy, cluster_a=lacking), {"NoStandbyReady"}),
        "store away": (broken, {"StoreUnreachable", "StoreDown"}),
        "store filling": (
            shared.with_keeper(shared.fleet(healthy), size=StoreSize(1_700_000_000, 1_600_000_000)),
            {"StoreFilling"},
        ),
        "store full": (full, {"StoreAlarm", "StoreFilling", "StoreUnreachable", "StoreDown"}),
        "size not known": (shared.with_keeper(shared.fleet(healthy), size=None), set()),
        "silent": (
            shared.fleet(down, cluster_a=shared.hold(Claim.SILENT, "ctl2")),
            {"PairingUnowned", "PairingDown"},
        ),
        "stopped by a human": (
            shared.fleet(down, cluster_a=shared.hold(Claim.STOPPED, "ctl2", stopped=True)),
            {"StoppedOnPurpose"},
        ),
        "nobody's": (
            shared.fleet(pictures.killed(), cluster_a=shared.hold(Claim.NOBODY, "")),
            {"PairingUnowned", "PairingDown"},
        ),
        "nobody's as yet": (shared.fleet(healthy, cluster_a=shared.hold(Claim.NOBODY, "")), set()),
        "runs without a hold": (
            shared.fleet(healthy, cluster_a=shared.hold(Claim.HELD, "ctl2")),
            {"TwoActive"},
        ),
    }


@pytest.mark.real
def test_each_state_of_a_pairing_raises_exactly_its_alerts(tmp_path: Path) -> None:
    """The exporter's own series, held for 20 minutes, go through Prometheus' rule engine."""
    assert set(RAISED) == set(pictures.EVERY)
    unwatched = pictures.fleet(pictures.healthy(), unwatched=["cluster-b"])
    tests = [_raises(story.__name__, pictures.fleet(story()), raised) for story, raised in RAISED.items()]
    tests.append(_raises("unwatched", unwatched, {"PairingUnwatched"}))
    _run(tests, tmp_path)


@pytest.mark.real
def test_each_state_of_a_hold_raises_exactly_its_alerts(tmp_path: Path) -> None:
    """The same for a controller that shares a pairing with others."""
    _run([_raises(name, *case) for name, case in shared_fleets().items()], tmp_path)


def _run(tests: list[dict[str, Any]], folder: Path) -> None:
    document = {
        "rule_files": [str(ALERTS / name) for name in RULE_FILES],
        "evaluation_interval": "15s",
        "group_eval_order": groups(),
        "tests": tests,
    }
    (folder / "raised.test.yml").write_text(json.dumps(document))  # JSON is YAML
    promtool("test", "rules", "raised.test.yml", folder=folder)


def _raises(name: str, snapshot: FleetSnapshot, raised: set[str]) -> dict[str, Any]:
    series = held(snapshot)
    firing = 'group by (alertname) (ALERTS{alertstate="firing", alertname!="WatchdogHeartbeat"})'
    expected = [{"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in sorted(raised)]
    check = {"expr": firing, "eval_time": "19m", "exp_samples": expected}
    return {"name": name, "interval": "15s", "input_series": series, "promql_expr_test": [check]}
