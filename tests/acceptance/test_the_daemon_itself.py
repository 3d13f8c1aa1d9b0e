"""The daemon dies, is stopped, and says nothing that it must not say."""

from __future__ import annotations

import re

import pytest

from acceptance.conftest import wait_until_healthy
from acceptance.judge import Judge
from figures import Report
from lab import accounts
from lab.controllers.daemon import CONFIGURATION, PROGRAM
from lab.controllers.daemon import UNIT as DAEMON

pytestmark = pytest.mark.lab

STOPPED_WITHIN_S = 2.0
SLACK = 3


def test_killed_and_restarted_it_leaves_nova_compute_alone(judges: tuple[Judge, ...], report: Report):
    """Same processes as before, state picked up, no word of a start that never was."""
    lab = judges[0].lab
    since = lab.now()
    lab.controller("ctl1").run(["systemctl", "kill", "--signal=KILL", DAEMON])
    end = lab.wait_for("process.exit", since=since, timeout_s=10, unit=DAEMON)
    wait_until_healthy_again(judges, end["t"], report)
    for judge in judges:
        assert not judge.exits(since)
        assert not judge.starts(since)
        assert not judge.lines(since, "action")
        assert set(judge.diagnoses(since)) <= {"unknown", "healthy"}


def wait_until_healthy_again(judges: tuple[Judge, ...], since: float, report: Report) -> None:
    """Every pairing has an edge to healthy after that time."""
    told = [judge.wait_for_edge(since, 90, diagnosis="healthy")["t"] for judge in judges]
    report(f"daemon killed -9: back to a verdict {max(told) - since:.1f} s later")


@pytest.mark.parametrize("fault_name", [None, "vcenter-silent"])
def test_it_stops_within_two_seconds_and_nova_compute_runs_on(
    judges: tuple[Judge, ...], fault_name: str | None, report: Report
):
    """SIGTERM, also while a call hangs in a silent vCenter."""
    lab = judges[0].lab
    controller = lab.controller("ctl1")
    if fault_name:
        fault = lab.inject(fault_name)
        judges[0].wait_for_edge(fault["t"], 60, diagnosis="vcenter-down")
    since = lab.now()
    controller.run(["systemctl", "stop", DAEMON])
    end = lab.wait_for("process.exit", since=since, timeout_s=30, unit=DAEMON)
    result = controller.run(["systemctl", "show", "--property=Result", "--value", DAEMON]).stdout.strip()
    report(f"SIGTERM ({fault_name or 'all well'}): ended after {end['t'] - since:.2f} s (goal 2 s)")
    assert result == "success"
    assert end["t"] - since < SLACK * STOPPED_WITHIN_S
    lab.clear_all()
    controller.run(["systemctl", "start", DAEMON])
    wait_until_healthy(judges)
    for judge in judges:
        assert not judge.exits(since)


def test_it_runs_as_a_user_without_rights(judges: tuple[Judge, ...]):
    """What it may do comes from polkit alone."""
    controller = judges[0].lab.controller("ctl1")
    pid = controller.run(["systemctl", "show", "--property=MainPID", "--value", DAEMON]).stdout.strip()
    status = controller.run(["cat", f"/proc/{pid}/status"]).stdout
    user = controller.run(["id", "--user", "nova-watchdog"]).stdout.strip()
    assert re.search(rf"^Uid:\s+{user}\s", status, re.MULTILINE)
    assert re.search(r"^CapEff:\s+0+$", status, re.MULTILINE)


def test_no_output_holds_a_secret(judges: tuple[Judge, ...]):
    """Journal, metrics, status and the configuration's check, with all that happened in this lab."""
    lab = judges[0].lab
    controller = lab.controller("ctl1")
    checked = controller.run([PROGRAM, "config", "check", "--config", CONFIGURATION])
    outputs = {
        "journal": "\n".join(e["message"] for e in lab.events(0, "journal", unit=DAEMON)),
        "metrics": str(lab.http("/metrics").content),
        "status": str(lab.http("/api/v1/status").content),
        "config check": checked.stdout + checked.stderr,
    }
    for where, text in outputs.items():
        assert len(text) > 100, where
        for number, secret in enumerate(accounts.SECRETS):
            assert secret not in text, f"secret number {number} in {where}"


def test_status_speaks_to_people_and_to_programs(judges: tuple[Judge, ...]):
    """Over the unix socket, as an operator in the daemon's group would."""
    controller = judges[0].lab.controller("ctl1")
    table = controller.run([PROGRAM, "status"], user="nova-watchdog").stdout
    for judge in judges:
        assert re.search(rf"^{judge.pairing.name}\s+healthy", table, re.MULTILINE), table
    stranger = controller.run(["runuser", "-u", "nobody", "--", PROGRAM, "status"], check=False)
    assert stranger.returncode == 2
    ready = judges[0].lab.http("/readyz").content
    assert ready["ready"] is True


def test_a_broken_nova_conf_at_its_start_costs_only_that_pairing_its_watchdog(
    judges: tuple[Judge, ...], report: Report
):
    """The others are watched and brought back; the broken one is told, and watched again once mended."""
    lab, good, broken = judges[0].lab, judges[0], judges[1]
    controller = lab.controller("ctl1")
    with lab.fault("nova-conf-broken", pairing=broken.pairing.name):
        restarted = lab.now()
        controller.run(["systemctl", "restart", DAEMON])
        good.wait_for_edge(restarted, 60, diagnosis="healthy")
        (told,) = broken.lines(restarted, "not-watched")
        assert "nova-compute.conf" in told["reason"]
        document = lab.http("/api/v1/status").content
        assert document["healthy"] is False
        assert broken.pairing.name in str(document["unwatched"])
        assert [p["name"] for p in document["pairings"]] == [good.pairing.name]
        killed = lab.inject("kill", pairing=good.pairing.name)
        good.wait_for_edge(killed["before"], 180, diagnosis="healthy")
        assert len(good.starts(killed["before"])) == 1
    mended = lab.now()
    again = lab.wait_for("process.start", since=mended, timeout_s=90, unit=DAEMON)
    report(f"nova.conf mended: watched again by a new daemon after {again['t'] - mended:.1f} s")
    wait_until_healthy(judges)
    assert not broken.exits(restarted)
