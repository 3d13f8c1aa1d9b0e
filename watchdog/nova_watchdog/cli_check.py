"""`nova-watchdog check`: prints what one round found, and exits as monitoring plugins do."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from nova_watchdog.check import EXIT_CODES, Finding, run, worst
from nova_watchdog.config import ConfigError, load_for_run
from nova_watchdog.core.diagnose import Condition
from nova_watchdog.core.kv import printable


def main(config: Path, *, timeout_s: float, as_json: bool) -> int:
    """Exit code 0: all healthy; 1: some degraded; 2: some failed; 3: some unknown, or no configuration."""
    try:
        settings = load_for_run(config)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return EXIT_CODES[Condition.UNKNOWN]
    findings = run(settings, timeout_s)
    print(_as_json(findings) if as_json else "\n".join(_lines(findings)))
    return EXIT_CODES[worst(findings)]


def _as_json(findings: Sequence[Finding]) -> str:
    return json.dumps(
        {
            "condition": worst(findings).value,
            "pairings": [
                {
                    "name": one.name,
                    "condition": one.condition.value,
                    "diagnosis": one.word,
                    "shown_by": one.text,
                }
                for one in findings
            ],
        },
        indent=2,
    )


def _lines(findings: Sequence[Finding]) -> list[str]:
    width = max(len(one.name) for one in findings)
    return [
        f"{one.name.ljust(width)}  {one.condition.value:<8}  {one.word}: {printable(one.text)}"
        for one in findings
    ]
