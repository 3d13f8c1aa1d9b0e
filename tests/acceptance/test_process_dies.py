"""A real nova-compute dies, and the daemon brings it back."""

from __future__ import annotations

import pytest

from acceptance.conftest import wait_until_healthy
from acceptance.judge import Judge
from figures import BUSY_MACHINE_S, Report
from lab.controllers.daemon import UNIT as DAEMON
from nova_watchdog.core.policy import Policy

pytestmark = pytest.mark.lab

SEEN_WITHIN_S = 0.1
OVERHEAD_S = 1.0
SLACK = 3  # bounds are three times the figure


def bare_restart_s(judge: Judge) -> float:
    """From a bare `systemctl restart` of a killed nova-compute, without the daemon, to its heartbeat."""
    controller = judge.lab.controller("ctl1")
    controller.run(["systemctl", "stop", DAEMON])
    judge.lab.inject("kill", pairing=judge.pairing.name)
    began = judge.lab.now()
    judge.lab.wait_for("process.exit", since=began - 1, timeout_s=10, unit=judge.pairing.unit)
    began = judge.lab.now()
    controller.run(["systemctl", "restart", judge.pairing.unit])
    process = judge.wait_for_start(began, 30)
    heartbeat = judge.wait_for_heartbeat(process, 120)
    controller.run(["systemctl", "start", DAEMON])
    return float(heartbeat["t"] - began)


def test_killed_it_is_seen_at_once_and_brought_back(judges: tuple[Judge, ...], report: Report):
    """kill -9: seen within 100 ms, a new heartbeat as soon as a bare restart would give, up and enabled."""
    judge = judges[0]
    bare_s = bare_restart_s(judge)
    wait_until_healthy(judges)

    fault = judge.lab.inject("kill", pairing=judge.pairing.name)
    end = judge.lab.wait_for("process.exit", since=fault["before"], timeout_s=10, unit=judge.pairing.unit)
    healthy = judge.wait_for_edge(end["t"], 180, diagnosis="healthy")

    edges = judge.edges(fault["before"])
    down = edges[0]
    assert down["diagnosis"] == "process-down"
    (action,) = judge.lines(fault["before"], "action")
    assert (action["action"], action["rule"], action["outcome"]) == ("start", "R39", "done")
    (process,) = judge.starts(fault["before"])
    heartbeat = judge.wait_for_heartbeat(process, BUSY_MACHINE_S)
    assert end["t"] <= down["t"] <= action["t"] + 0.1  # two lines of one round
    assert process["t"] < heartbeat["t"] < healthy["t"]

    seen_s, back_s = down["t"] - end["t"], heartbeat["t"] - end["t"]
    report(f"kill -9: seen after {1000 * seen_s:.0f} ms (goal {1000 * SEEN_WITHIN_S:.0f} ms)")
    report(
        f"kill -9: start asked for after {1000 * (action['t'] - end['t']):.0f} ms; "
        f"new heartbeat after {back_s:.1f} s; a bare restart takes {bare_s:.1f} s (goal: that plus 1 s)"
    )
    report(f"kill -9: the daemon says healthy {healthy['t'] - end['t']:.1f} s after the end")
    assert seen_s < BUSY_MACHINE_S
    assert back_s < SLACK * (bare_s + OVERHEAD_S)
    assert judge.up_and_enabled()
    assert not judges[1].edges(fault["before"]), "the other pairing was not concerned"


def test_a_broken_nova_conf_spends_the_budget_and_then_all_is_quiet(
    judges: tuple[Judge, ...], report: Report
):
    """As many starts as the budget has, then none, and the log says what a human must do."""
    judge = judges[-1]
    left = wait_for_a_full_budget(judge)
    with judge.lab.fault("nova-conf-broken", pairing=judge.pairing.name) as fault:
        judge.lab.inject("kill", pairing=judge.pairing.name)
        given_up = judge.wait_for_edge(fault["before"], 240, rule="R38")
        assert f"systemctl start {judge.pairing.unit}" in given_up["remedy"]
        assert "journalctl" in given_up["remedy"]
        assert len(judge.starts(fault["before"])) == left
        report(f"broken nova.conf: {left} starts, given up after {given_up['t'] - fault['before']:.0f} s")

        quiet_from = given_up["t"] + 0.01
        wait_s(judge, 30)
        assert len(judge.edges(quiet_from)) <= 1, "quiet"
    judge.lab.controller("ctl1").run(["systemctl", "kill", "--signal=KILL", DAEMON])
    restarted = judge.lab.wait_for("process.start", since=quiet_from, timeout_s=60, unit=DAEMON)
    judge.wait_for_edge(restarted["t"], 60, rule="R13")
    wait_s(judge, 10)
    assert not judge.starts(quiet_from), "given up, also after a restart of the daemon"
    judge.lab.controller("ctl1").run(["systemctl", "start", judge.pairing.unit])
    wait_until_healthy(judges)


def wait_for_a_full_budget(judge: Judge) -> int:
    """Starts of earlier tests leave the window that the lab's policy makes short."""
    deadline = judge.lab.now() + 150
    while (left := judge.status()["budget"]["starts_left"]) < Policy().restart_budget:
        assert judge.lab.now() < deadline, f"only {left} starts left"
        wait_s(judge, 2)
    return int(left)


def test_a_stop_by_a_human_is_respected_and_told(judges: tuple[Judge, ...], report: Report):
    """Also over a restart of the daemon, until somebody starts it again."""
    judge = judges[0]
    controller = judge.lab.controller("ctl1")
    since = judge.lab.now()
    controller.run(["systemctl", "stop", judge.pairing.unit], timeout_s=240)
    stopped = judge.lab.now()
    edge = judge.wait_for_edge(since, 30, diagnosis="stopped-on-purpose")
    assert edge["rule"] == "R11"
    report(f"systemctl stop: told {max(0.0, edge['t'] - judge.exits(since)[-1]['t']):.2f} s after the end")
    assert judge.status()["diagnosis"]["word"] == "stopped-on-purpose"
    controller.run(["systemctl", "restart", DAEMON])
    judge.wait_for_edge(stopped, 60, phase="stopped")
    wait_s(judge, 20)
    assert not judge.starts(since)
    assert not judge.lines(since, "action")
    controller.run(["systemctl", "start", judge.pairing.unit])
    wait_until_healthy(judges)


def wait_s(judge: Judge, seconds: float) -> None:
    """Let time pass in which nothing may happen."""
    until = judge.lab.now() + seconds
    judge.lab.wait_for("daemon", since=until, timeout_s=seconds + 30)
