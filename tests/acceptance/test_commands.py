"""The commands of the person on call, against the real daemon under its real systemd unit."""

from __future__ import annotations

import json
from typing import Any

import pytest

from acceptance.conftest import wait_until_healthy
from acceptance.judge import Judge
from lab.client import Lab
from lab.controllers.daemon import CONFIGURATION, PROGRAM, UNIT

pytestmark = pytest.mark.lab


def say(lab: Lab, *words: str, code: int = 0) -> str:
    """Run a command on the first controller; its output."""
    done = lab.controller().run([PROGRAM, *words], check=False, timeout_s=120)
    assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return str(done.stdout)


def test_check_takes_one_round_without_the_daemon(judges: tuple[Judge, ...]):
    """Healthy is 0; with a dead nova-compute 2, and nothing was started by the check."""
    lab, judge = judges[0].lab, judges[0]
    found: dict[str, Any] = json.loads(say(lab, "check", "--json"))
    assert [one["condition"] for one in found["pairings"]] == ["healthy", "healthy"]
    controller = lab.controller()
    controller.run(["systemctl", "stop", UNIT])
    since = lab.now()
    lab.inject("kill", pairing=judge.pairing.name)
    text = say(lab, "check", code=2)
    assert f"{judge.pairing.name}  failed" in text
    assert "process-down: D10 no process" in text
    assert not judge.starts(since)
    controller.run(["systemctl", "start", UNIT])


def test_a_pause_keeps_a_dead_nova_compute_down_and_history_and_explain_say_so(judges: tuple[Judge, ...]):
    """Until it is resumed; then it is started at once."""
    lab, judge = judges[0].lab, judges[0]
    name = judge.pairing.name
    say(lab, "pause", name, "--for", "30m", "--reason", "storage firmware")
    since = lab.now()
    lab.inject("kill", pairing=name)
    judge.wait_for_edge(since, 60, rule="R31")
    explained = say(lab, "explain", name)
    assert "R31" in explained
    assert "storage firmware" in explained
    assert not judge.starts(since)
    say(lab, "resume", name)
    judge.wait_for_start(since, 60)
    history = say(lab, "history", name)
    assert "storage firmware" in history
    assert "R39" in history


def test_a_reload_by_systemd_takes_good_files_and_refuses_bad_ones(judges: tuple[Judge, ...]):
    """The unit stays active either way, and is the same process."""
    lab = judges[0].lab
    controller = lab.controller()
    pid = controller.run(["systemctl", "show", "-P", "MainPID", UNIT]).stdout
    original = controller.run(["cat", CONFIGURATION]).stdout
    try:
        controller.run(["sed", "-i", "s/^restart_budget.*/restart_budget = 0/", CONFIGURATION])
        controller.run(
            ["sh", "-c", f"grep -q restart_budget {CONFIGURATION} || echo 'x = 1' >> {CONFIGURATION}"]
        )
        controller.run(["systemctl", "reload", UNIT])
        shown = wait_for_reload(lab, "refused")
        assert shown["reload_mistakes"]
    finally:
        controller.run(["sh", "-c", f"cat > {CONFIGURATION} <<'EOF'\n{original}EOF"])
    controller.run(["systemctl", "reload", UNIT])
    assert wait_for_reload(lab, "done")["reload_mistakes"] == []
    assert controller.run(["systemctl", "show", "-P", "MainPID", UNIT]).stdout == pid
    wait_until_healthy(judges)


def wait_for_reload(lab: Lab, outcome: str) -> dict[str, Any]:
    """The status after a reload with that outcome."""
    event = {"refused": "reload-refused", "done": "reloaded"}[outcome]
    lab.wait_for(
        "journal",
        since=lab.now() - 5,
        timeout_s=60,
        unit=UNIT,
        by="unit",
        predicate=lambda one: f"event={event}" in one["message"],
    )
    return lab.daemon_status()
