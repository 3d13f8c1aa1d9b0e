"""Scenes for promtool's unit tests of the alerts: what each controller sees, and what must fire."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import yaml

ALERTS = Path(__file__).parents[2] / "alerts"
# In the order in which Prometheus' example of a configuration names them.
RULE_FILES = (
    "nova-watchdog-views.rules.yml",
    "nova-watchdog.rules.yml",
    "nova-watchdog-holding.rules.yml",
    "nova-watchdog-itself.rules.yml",
)
STEP_S = 15
JOB = "nova-watchdog"
VCENTER = "vc1.example.com:443"
ACCOUNT = "nova@vsphere.local"
BUS = "rabbit://mq1.example.com:5672/nova"
PLACE = {"vcenter": VCENTER, "bus": BUS}

Labels = Mapping[str, str]


class Kind(Enum):
    """What a scene shows. Every alert needs one of each of the first three."""

    FIRES = "fires and resolves"
    BLIP = "does not fire on a blip"
    LOSS = "survives the loss of a controller"
    BEST = "takes the best view"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Timeline:
    """Words in a row, each for some steps: `healthy*4 process-down*20 healthy`. The last one stays."""

    text: str

    def words(self) -> tuple[str, ...]:
        """Each word once."""
        return tuple(dict.fromkeys(part.partition("*")[0] for part in self.text.split()))

    def at(self, steps: int) -> list[str]:
        """The word of each step."""
        found: list[str] = []
        for part in self.text.split():
            word, _, count = part.partition("*")
            found += [word] * int(count or 1)
        return (found + found[-1:] * steps)[:steps]


@dataclass(slots=True)
class Controller:
    """One controller's daemon.

    `lost_at`: the step from which its scrapes fail, up to `back_at`. `removed_at`: from which its pairings
    are not configured any more.
    """

    name: str
    lost_at: int | None = None
    back_at: int | None = None
    removed_at: int | None = None
    series: list[tuple[str, Labels, list[str]]] = field(default_factory=list)

    def pairing(self, name: str = "cluster-a", *, account: str = ACCOUNT, **states: str) -> Controller:
        """A pairing that it watches. `states`: a timeline for each state set, by its metric's name."""
        place = {"vcenter": f"{VCENTER}/{account}", "bus": BUS}
        about = {"unit": f"nova-compute@{name}.service", "host": name, "cluster": name, "mode": "protect"}
        self.value("nova_watchdog_pairing_info", "1", pairing=name, **place, **about)
        for what, text in states.items():
            extra = place if what in ("diagnosis", "condition") else {}
            label = "state" if what.endswith("_state") else what
            self.states(f"nova_watchdog_pairing_{what}", label, text, pairing=name, **extra)
        return self

    def states(self, metric: str, label: str, text: str, **labels: str) -> Controller:
        """A state set that goes through these words."""
        timeline = Timeline(text)
        for word in timeline.words():
            values = [str(int(now == word)) for now in timeline.at(MAX_STEPS)]
            self.series.append((metric, {**labels, label: word}, values))
        return self

    def value(self, metric: str, text: str, **labels: str) -> Controller:
        """One series with these values: `0*4 1*20 0`, or `t`: the time in seconds."""
        values = Timeline(text).at(MAX_STEPS)
        self.series.append(
            (metric, labels, [str(n * STEP_S) if v == "t" else v for n, v in enumerate(values)])
        )
        return self

    def input_series(self, steps: int) -> list[dict[str, str]]:
        """What Prometheus scrapes of it: nothing while it is lost, and `up` says so."""
        target = {"job": JOB, "instance": f"{self.name}:9743"}
        answers = [not self._is_lost(step) for step in range(steps)]
        found = [_series("up", target, [str(int(one)) for one in answers])]
        shown = [one and (self.removed_at is None or n < self.removed_at) for n, one in enumerate(answers)]
        for metric, labels, values in self.series:
            seen = [
                value if shown[n] else "stale" if n and shown[n - 1] else "_"
                for n, value in enumerate(values[:steps])
            ]
            found.append(_series(metric, {**target, **labels}, seen))
        return found

    def _is_lost(self, step: int) -> bool:
        if self.lost_at is None or step < self.lost_at:
            return False
        return self.back_at is None or step < self.back_at


# Five hours.
MAX_STEPS = 1200


@dataclass(frozen=True, slots=True)
class Scene:
    """One test of one alert.

    `fires`: the steps at which it fires with these labels each (and `severity`); `quiet`: those at which
    it does not. `also`: other alerts that fire at a step. `value`: what the annotations show as such.
    """

    kind: Kind
    name: str
    controllers: Sequence[Controller]
    quiet: Sequence[int] = ()
    fires: Sequence[int] = ()
    labels: Sequence[Labels] = ()
    also: Sequence[tuple[int, str, Labels]] = ()
    value: str = ""
    step_s: int = STEP_S

    def document(self, alert: str, rules: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
        """The test as promtool reads it."""
        steps = max([*self.quiet, *self.fires, *(step for step, _, _ in self.also)]) + 2
        checks: list[tuple[int, str, tuple[Labels, ...]]] = [(step, alert, ()) for step in self.quiet]
        checks += [(step, alert, tuple(self.labels)) for step in self.fires]
        checks += [(step, name, (labels,)) for step, name, labels in self.also]
        series = [one for controller in self.controllers for one in controller.input_series(steps)]
        return {
            "name": f"{self.kind.value}: {self.name}",
            "interval": f"{self.step_s}s",
            "input_series": series,
            "alert_rule_test": [
                self._check(step, rules[name], labels)
                for step, name, labels in sorted(checks, key=lambda check: check[0])
            ],
        }

    def _check(self, step: int, rule: dict[str, Any], expected: Sequence[Labels]) -> dict[str, Any]:
        check: dict[str, Any] = {"eval_time": f"{step * self.step_s}s", "alertname": rule["alert"]}
        if expected:
            check["exp_alerts"] = [
                {
                    "exp_labels": {**rule["labels"], **labels},
                    "exp_annotations": rendered(rule["annotations"], labels, self.value),
                }
                for labels in expected
            ]
        return check


def rendered(annotations: Labels, labels: Labels, value: str) -> dict[str, str]:
    """The annotations with their templates filled in, as far as the alerts use templates."""

    def fill(text: str) -> str:
        optional = re.compile(r"\{\{ if \$labels\.(\w+) \}\}(.*?)\{\{ end \}\}")
        text = optional.sub(lambda m: m[2] if labels.get(m[1]) else "", text)
        text = re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda m: labels.get(m[1], ""), text)
        return re.sub(r"\{\{ \$value \| humanizeDuration \}\}", value, text)

    return {name: fill(text) for name, text in annotations.items()}


def all_rules() -> list[dict[str, Any]]:
    """Every rule of every file, recording rules too."""
    documents = (yaml.safe_load((ALERTS / name).read_text()) for name in RULE_FILES)
    return [rule for document in documents for group in document["groups"] for rule in group["rules"]]


def alert_rules() -> dict[str, dict[str, Any]]:
    """The alerts by name."""
    return {rule["alert"]: rule for rule in all_rules() if "alert" in rule}


def groups() -> list[str]:
    """The groups in the order in which the tests evaluate them."""
    documents = (yaml.safe_load((ALERTS / name).read_text()) for name in RULE_FILES)
    return [group["name"] for document in documents for group in document["groups"]]


def _series(metric: str, labels: Labels, values: Sequence[str]) -> dict[str, str]:
    inside = ", ".join(f'{name}="{value}"' for name, value in labels.items())
    return {"series": f"{metric}{{{inside}}}", "values": _packed(values)}


def _packed(values: Sequence[str]) -> str:
    """promtool's notation, in which `1x3` is four times 1 and `0+15x3` is 0 15 30 45."""
    parts: list[str] = []
    start = 0
    while start < len(values):
        value = values[start]
        same = _run(values, start, 0)
        clock = _run(values, start, STEP_S) if value.isdigit() else 1
        if value in ("stale", "NaN"):  # these take no count
            parts.append(value)
            same = 1
        elif value == "_":
            parts.append(f"_x{same}")
        elif clock > same:
            parts.append(f"{value}+{STEP_S}x{clock - 1}")
            same = clock
        else:
            parts.append(value if same == 1 else f"{value}x{same - 1}")
        start += same
    return " ".join(parts)


def _run(values: Sequence[str], start: int, step: int) -> int:
    """How many values from there on are the same, or grow by `step` each time."""
    count = 1
    while start + count < len(values):
        expected = str(int(values[start]) + count * step) if step else values[start]
        if values[start + count] != expected:
            break
        count += 1
    return count
