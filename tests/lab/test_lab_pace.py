"""The lab's copies of Prometheus' and Alertmanager's files."""

from __future__ import annotations

import copy
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.parts import alertmanager, prometheus
from lab.parts.pace import Pace
from lab.topology import Topology

_PACE = Pace(15)
_ALERTS = Path(__file__).parents[2] / "alerts"


def _load(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((_ALERTS / name).read_text())
    return content


@pytest.mark.parametrize(
    ("given", "lab"),
    [
        ("5m", "20000ms"),
        ("1m30s", "6000ms"),
        ("30s", "2000ms"),
        ("1h", "240000ms"),
        ("0s", "0ms"),
        ("0", "0"),
    ],
)
def test_a_duration_is_a_fifteenth(given: str, lab: str) -> None:
    """As a scrape of 15 s becomes one of a second."""
    assert _PACE.duration(given) == lab


def test_what_is_no_duration_is_refused() -> None:
    """A typo in a rule must not become an alert that fires at once."""
    with pytest.raises(ValueError, match="'5 minutes': allowed is"):
        _PACE.duration("5 minutes")


@pytest.mark.parametrize(
    ("given", "lab"),
    [
        ("rate(x[5m])", "rate(x[20000ms])"),
        ("max_over_time(x[45s])", "max_over_time(x[3000ms])"),
        ("rate(x[15s])", "rate(x[3000ms])"),
        ("max_over_time(y[1h:1m])", "max_over_time(y[240000ms:4000ms])"),
        ("max_over_time(y[1h:])", "max_over_time(y[240000ms:])"),
        ("x offset 5m > 60", "x offset 20000ms > 60"),
        ('x{a="[5m]", b=~"offset 5m"} > 5', 'x{a="[5m]", b=~"offset 5m"} > 5'),
        ("time() - x > 60", "time() - x > 60"),
    ],
)
def test_an_expression_keeps_everything_but_its_windows(given: str, lab: str) -> None:
    """Windows still hold three scrapes; numbers, names and quoted text are not durations."""
    assert _PACE.expression(given) == lab


def _rule_files() -> list[str]:
    names: list[str] = _load("prometheus.example.yml")["rule_files"]
    return names


def test_the_real_pace_changes_nothing_but_the_spelling() -> None:
    """A factor of one is what an operator has."""
    assert Pace(1).expression("rate(x[5m]) > 5") == "rate(x[300000ms]) > 5"
    assert (Pace(1).duration("90s"), Pace(1).scrape_interval_ms) == ("90000ms", 15000)


@pytest.mark.parametrize("name", _rule_files())
def test_the_repositorys_rules_stay_the_same_rules(name: str) -> None:
    """Names, labels and annotations; every `for:` is a fifteenth."""
    rules = _load(name)
    changed = prometheus.faster_rules(copy.deepcopy(rules), _PACE)
    for group, lab_group in zip(rules["groups"], changed["groups"], strict=True):
        for rule, lab_rule in zip(group["rules"], lab_group["rules"], strict=True):
            timeless = ("expr", "for", "keep_firing_for")
            assert {k: v for k, v in lab_rule.items() if k not in timeless} == {
                k: v for k, v in rule.items() if k not in timeless
            }
            assert lab_rule.get("for") == (_PACE.duration(rule["for"]) if "for" in rule else None)


@pytest.mark.real
def test_prometheus_takes_the_labs_copies(tmp_path: Path) -> None:
    """promtool reads the configuration and the rules that it names."""
    files = []
    for name in _rule_files():
        files.append(str(tmp_path / name))
        (tmp_path / name).write_text(yaml.safe_dump(prometheus.faster_rules(_load(name), _PACE)))
    topology = Topology(controllers=2, pager=True)
    configuration = prometheus.configure(_load("prometheus.example.yml"), files, topology)
    file = tmp_path / "prometheus.yml"
    file.write_text(yaml.safe_dump(configuration))
    subprocess.run(["promtool", "check", "config", str(file)], check=True, capture_output=True)
    (job,) = configuration["scrape_configs"]
    assert [s["labels"]["instance"] for s in job["static_configs"]] == ["ctl1:9743", "ctl2:9743"]
    assert configuration["global"]["scrape_interval"] == "1000ms"


@pytest.mark.lab  # amtool comes with the lab's packages
def test_alertmanager_takes_the_labs_copy(tmp_path: Path) -> None:
    """amtool reads it, and finds as many receivers as in the example."""
    example = _load("alertmanager.example.yml")
    file = tmp_path / "alertmanager.yml"
    file.write_text(yaml.safe_dump(alertmanager.configure(example, _PACE)))
    checked = subprocess.run(
        ["amtool", "check-config", str(file)], check=True, capture_output=True, text=True
    )
    assert f"{len(example['receivers'])} receivers" in checked.stdout


def test_receivers_are_the_labs_own_and_routes_its_pace() -> None:
    """Names, matchers and inhibitions stay; an example's addresses go; what drops alerts goes on to."""
    example = {
        "global": {"smtp_smarthost": "mail.example.com:25"},
        "inhibit_rules": [{"source_matchers": ["a=b"], "target_matchers": ["c=d"], "equal": ["vcenter"]}],
        "route": {
            "receiver": "page",
            "group_by": ["alertname"],
            "group_wait": "30s",
            "routes": [{"receiver": "nobody", "matchers": ["severity=none"], "repeat_interval": "1h"}],
        },
        "receivers": [{"name": "page", "pagerduty_configs": [{"routing_key": "k"}]}, {"name": "nobody"}],
    }
    changed = alertmanager.configure(copy.deepcopy(example), _PACE)
    assert changed["inhibit_rules"] == example["inhibit_rules"]
    assert changed["global"] == {"resolve_timeout": "20000ms"}
    assert changed["route"] == {
        "receiver": "page",
        "group_by": ["alertname"],
        "group_wait": "2000ms",
        "group_interval": "2000ms",
        "repeat_interval": "960000ms",
        "routes": [{"receiver": "nobody", "matchers": ["severity=none"], "repeat_interval": "240000ms"}],
    }
    page, nobody = changed["receivers"]
    url = "http://192.0.2.1:9099/webhook/page"
    assert page == {"name": "page", "webhook_configs": [{"url": url, "send_resolved": True}]}
    assert nobody == {"name": "nobody"}
