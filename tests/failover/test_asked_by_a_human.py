"""What a human asks for, and what a human does by hand."""

from __future__ import annotations

import subprocess

import pytest

from failover.scene import Scene
from figures import Report
from lab.controllers.daemon import PROGRAM
from nova_watchdog.core.hold.timing import Timing

pytestmark = [pytest.mark.lab, pytest.mark.failover]


def ask(scene: Scene, controller: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command line on a controller."""
    return scene.lab.controller(controller).run([PROGRAM, *words], timeout_s=400, check=False)


def test_a_failover_prints_its_phases_and_moves_the_pairing(scene: Scene, report: Report):
    """Stopped, released for the standby, started there: nobody waits for W, nothing overlaps."""
    (old,) = scene.running()
    names = [one.name for one in scene.lab.topology.controller_list]
    target = next(name for name in names if name != old)
    since = scene.lab.now()
    answer = ask(scene, old, "failover", scene.pairing.name, "--to", target)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    takeover = scene.wait_for_takeover(old, since)
    assert takeover.new == target
    assert takeover.start_s - takeover.dead_s < Timing().takeover_wait_s
    assert not scene.overlaps(since)
    assert target in answer.stdout
    report(
        f"switchover: nova-compute's stop took {takeover.dead_s - since:.1f} s, "
        f"the new one began {takeover.start_s - takeover.dead_s:.1f} s after it"
    )


def test_a_failover_to_nobody_is_refused_with_the_reason(scene: Scene):
    """Names what is wrong and what is allowed; nothing happens."""
    (old,) = scene.running()
    since = scene.lab.now()
    answer = ask(scene, old, "failover", scene.pairing.name, "--to", "ctl9")
    assert answer.returncode != 0
    assert "ctl9" in answer.stdout + answer.stderr
    assert scene.runs(since)[-1].end_s is None
    assert scene.running() == [old]


def test_a_check_on_a_standby_is_healthy_and_names_the_holder(scene: Scene):
    """A monitoring plugin there must not page: no process is as it should be."""
    (holder,) = scene.running()
    for one in scene.lab.topology.controller_list:
        answer = ask(scene, one.name, "check")
        assert answer.returncode == 0, answer.stdout + answer.stderr
        (line,) = [text for text in answer.stdout.splitlines() if text.startswith(f"{scene.pairing.name} ")]
        assert ("standby: D11" in line and line.endswith(f"({holder})")) is (one.name != holder), line


def test_a_start_by_hand_on_a_standby_does_not_happen(scene: Scene):
    """The start condition refuses it; the journal says why."""
    lab, (holder,) = scene.lab, scene.running()
    standby = next(one.name for one in lab.topology.controller_list if one.name != holder)
    since = lab.now()
    lab.controller(standby).run(["systemctl", "start", scene.pairing.unit], check=False)
    record = lab.wait_for(
        "journal",
        since=since,
        timeout_s=20,
        unit=scene.pairing.unit,
        controller=standby,
        predicate=lambda event: "does not hold" in event["message"],
    )
    assert scene.pairing.unit in record["message"]
    assert scene.running() == [holder]
    assert not scene.overlaps(since)
