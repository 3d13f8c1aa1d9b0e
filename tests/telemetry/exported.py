"""What the exporter exports: for tests of what is built on it."""

from __future__ import annotations

import json
import math
import re
import subprocess
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from nova_watchdog.core.snapshot import FleetSnapshot
from nova_watchdog.telemetry.metrics import Exporter
from telemetry import pictures, shared

TARGET = 'job="nova-watchdog", instance="ctl1:9743"'

# Generous: other work may have the machine.
_TIMEOUT_S = 240

_NAME = re.compile(r"\b(nova_watchdog_\w+|process_\w+)")
_SELECTOR = re.compile(r"\b(nova_watchdog_\w+)\{([^}]*)\}")
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|=|!=)\s*"([^"]*)"')


def samples(snapshot: FleetSnapshot) -> list[Sample]:
    """Every sample of one scrape."""
    body, _ = Exporter(lambda: snapshot, pictures.StoppedClock(snapshot.now_s)).render()
    families = text_string_to_metric_families(body.decode())
    return [sample for family in families for sample in family.samples]


@cache
def label_values() -> dict[str, dict[str, set[str]]]:
    """For each series name its labels, and the values that they have in a healthy, shared fleet."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for sample in samples(shared.fleet(pictures.healthy())):
        labels = found[sample.name]
        for label, value in sample.labels.items():
            labels[label].add(value)
    return found


def names_in(expression: str) -> set[str]:
    """The daemon's metrics that a PromQL expression names."""
    return set(_NAME.findall(expression))


def unknown_in(expression: str) -> list[str]:
    """What a PromQL expression asks for and the exporter never has: names, labels, values of closed lists."""
    known = label_values()
    wrong = [name for name in sorted(names_in(expression)) if name not in known]
    for name, body in _SELECTOR.findall(expression):
        for label, operator, value in _MATCHER.findall(body):
            if label in ("job", "instance") or value in ("$pairing", ".+"):
                continue
            has = known.get(name, {}).get(label)
            if has is None:
                wrong.append(f"{name}{{{label}}}")
                continue
            asked = value.split("|") if operator in ("=~", "!~") else [value]
            wrong += [f'{name}{{{label}="{one}"}}' for one in asked if one not in has]
    return wrong


def promtool(*arguments: str, folder: Path) -> str:
    """Run promtool (Debian's package prometheus); where it is missing or fails, the test fails."""
    done = subprocess.run(
        ["promtool", *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def held(snapshot: FleetSnapshot) -> list[dict[str, str]]:
    """promtool's `input_series`: the snapshot, held for 20 minutes and looked at all the time."""
    series = [{"series": f"up{{{TARGET}}}", "values": "1x80"}]
    for sample in samples(snapshot):
        labels = "".join(f", {label}={json.dumps(value)}" for label, value in sample.labels.items())
        values = "_x80" if math.isnan(sample.value) else f"{sample.value!r}x80"
        if sample.name == "nova_watchdog_pairing_last_look_timestamp_seconds":
            values = "0+15x80"
        series.append({"series": f"{sample.name}{{{TARGET}{labels}}}", "values": values})
    return series


def run_tests(tests: list[dict[str, Any]], folder: Path, rules: Path | None = None) -> None:
    """Let promtool run these unit tests."""
    document = {
        "rule_files": [str(rules)] if rules else [],
        "evaluation_interval": "15s",
        "tests": [{"interval": "15s", **test} for test in tests],
    }
    (folder / "generated.test.yml").write_text(json.dumps(document))  # JSON is YAML
    promtool("test", "rules", "generated.test.yml", folder=folder)
