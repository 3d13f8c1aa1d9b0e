"""The controller reboots in order, as after a kernel update."""

from __future__ import annotations

import contextlib
import subprocess

import pytest

from acceptance.conftest import wait_until_healthy
from acceptance.judge import Judge
from figures import Report
from lab.controllers.daemon import UNIT as DAEMON

pytestmark = pytest.mark.lab


def test_after_an_ordered_reboot_every_pairing_is_started_again(judges: tuple[Judge, ...], report: Report):
    """The stop at shutdown is nobody's wish; the start waits until Nova shows that nobody else runs it."""
    lab = judges[0].lab
    since = lab.now()
    with contextlib.suppress(subprocess.SubprocessError):  # the command dies with the machine
        lab.controller("ctl1").run(["systemctl", "reboot"], check=False)
    for judge in judges:
        lab.wait_for("process.exit", since=since, timeout_s=240, unit=judge.pairing.unit)
    lab.boot("ctl1")
    daemon = lab.wait_for("process.start", since=since, timeout_s=240, unit=DAEMON)
    for judge in judges:
        process = judge.wait_for_start(daemon["t"], 120)
        heartbeat = judge.wait_for_heartbeat(process, 180)
        report(
            f"reboot, {judge.pairing.name}: started {process['t'] - daemon['t']:.1f} s after the daemon, "
            f"heartbeat {heartbeat['t'] - daemon['t']:.1f} s after it"
        )
    wait_until_healthy(judges)
    for judge in judges:
        assert len(judge.starts(since)) == 1
        rules = [edge["rule"] for edge in judge.edges(daemon["t"])]
        assert "R29" in rules, rules
        assert "R11" not in rules, rules
