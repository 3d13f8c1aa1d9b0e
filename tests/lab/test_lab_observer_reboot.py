"""The observer follows a controller over a reboot: every line of the journal once, none lost, none twice."""

from __future__ import annotations

import contextlib
import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from lab.controllers.daemon import UNIT

if TYPE_CHECKING:
    from lab.client import Lab

pytestmark = pytest.mark.lab


def test_the_journal_of_a_rebooted_controller_is_complete_and_nothing_is_twice(lab: Lab) -> None:
    """The dying machine's last lines about the units, and all of the new one's, as its journal has them."""
    since = lab.now()
    with contextlib.suppress(subprocess.SubprocessError):  # the command dies with the machine
        lab.controller().run(["systemctl", "reboot"], check=False)
    ended = lab.wait_for("process.exit", since=since, timeout_s=240.0, unit=UNIT)
    lab.boot()
    started = lab.wait_for("process.start", since=ended["t"], timeout_s=120.0, unit=UNIT)
    lab.wait_for(
        "journal",
        since=ended["t"] - 60.0,
        timeout_s=30.0,
        predicate=lambda event: event["message"].startswith(f"Stopped {UNIT}"),
        by="systemd",
    )
    lab.heal()
    of_this_boot = _entries(lab)
    last_us = of_this_boot[-1]["realtime_us"]
    lab.wait_for("journal", since=started["t"] - 30.0, timeout_s=30.0, realtime_us=last_us)
    recorded = [_key(event) for event in lab.events(kind="journal", controller="ctl1", unit=UNIT)]
    assert len(recorded) == len(set(recorded))
    assert [key for key in map(_key, of_this_boot) if key not in set(recorded)] == []


def _entries(lab: Lab) -> list[dict[str, Any]]:
    """The journal's lines of the daemon's unit since the boot, as the controller itself tells them."""
    command = ["journalctl", "--boot", "--output=json", f"--unit={UNIT}"]
    entries = [json.loads(line) for line in lab.controller().run(command).stdout.splitlines()]
    return [
        {"realtime_us": int(entry["__REALTIME_TIMESTAMP"]), "message": entry["MESSAGE"]} for entry in entries
    ]


def _key(event: dict[str, Any]) -> tuple[int, str]:
    return event["realtime_us"], event["message"]
