"""The holder's controller dies, is cut off, stands still, or reboots."""

from __future__ import annotations

import contextlib
import subprocess

import pytest

from failover.conftest import wait_until_all_served
from failover.scene import Scene, Takeover
from figures import Report
from nova_watchdog.core.hold.timing import Timing

pytestmark = [pytest.mark.lab, pytest.mark.failover]

W_S = Timing().takeover_wait_s
KILLED_WITHIN_S = 1.0
# What a bare start takes here, from exec to the first heartbeat, is measured anew in `make bench`.
GENEROUS_S = 60.0


def told(report: Report, what: str, since: float, takeover: Takeover) -> None:
    """The figures of a takeover."""
    report(
        f"{what}: old process dead after {takeover.dead_s - since:.1f} s, started on {takeover.new} after "
        f"{takeover.start_s - since:.1f} s (W {W_S:.1f} s), "
        f"new heartbeat after {takeover.heartbeat_s - since:.1f} s"
    )


def test_a_killed_controller_is_taken_over(scenes: list[Scene], report: Report):
    """Power off: what it held starts on a standby after W, and comes back as a standby itself."""
    scene, lab = scenes[0], scenes[0].lab
    (old,) = scene.running()
    held = [one for one in scenes if one.running() == [old]]
    with lab.fault("controller-killed", controller=old) as fault:
        for one in held:
            takeover = one.wait_for_takeover(old, fault["before"])
            told(report, f"controller killed, {one.pairing.name}", fault["before"], takeover)
            assert takeover.dead_s < takeover.start_s
            assert takeover.start_s - fault["before"] < W_S + GENEROUS_S
            assert "H52" in one.rules(fault["before"]) or "H51" in one.rules(fault["before"])
            # By every witness; the session comes from the new controller's address.
            verified = one.wait_for_verified(takeover.new, takeover.start_s)
            report(f"{one.pairing.name}: {verified}")
            address = lab.topology.controller(takeover.new).address
            assert verified.endswith(f"heartbeat, one consumer, ping, session from {address}")
    wait_until_all_served(scenes)
    for one in scenes:
        assert not one.overlaps(fault["before"])
        assert one.running() != [old], "it stays where it went"


def test_a_controller_that_is_cut_off_kills_what_it_ran(scene: Scene, report: Report):
    """Its own systemd does, at the deadline, and only then it starts elsewhere."""
    (old,) = scene.running()
    with scene.lab.fault("controller-cut", controller=old) as fault:
        takeover = scene.wait_for_takeover(old, fault["before"])
        told(report, "controller cut off", fault["before"], takeover)
        assert takeover.dead_s < takeover.start_s
        assert takeover.dead_s - fault["before"] < Timing().deadline_s + Timing().kill_s
    assert not scene.overlaps(fault["before"])


def test_a_controller_that_stood_still_dies_when_it_goes_on(scene: Scene, report: Report):
    """Its clock ran on: the deadline is overdue, so nova-compute dies within a second of the thaw."""
    lab, (old,) = scene.lab, scene.running()
    with lab.fault("controller-frozen", controller=old) as fault:
        takeover = scene.wait_for_takeover(old, fault["before"])
        before = [run for run in scene.runs(fault["before"]) if run.controller == old]
        assert [run.end_s for run in before] == [None], "it is frozen, not dead"
        (thaw, *_) = lab.clear("controller-frozen", controller=old)
        end = lab.wait_for(
            "process.exit",
            since=thaw["before"],
            timeout_s=30,
            unit=scene.pairing.unit,
            controller=old,
        )
    report(
        f"controller frozen: started on {takeover.new} after {takeover.start_s - fault['before']:.1f} s; "
        f"thawed, the old process died {end['t'] - thaw['before']:.2f} s later (goal {KILLED_WITHIN_S:g} s)"
    )
    assert end["t"] - thaw["before"] < 3 * KILLED_WITHIN_S
    assert scene.running() == [takeover.new]


def test_an_ordered_reboot_hands_over_without_an_overlap(scene: Scene, report: Report):
    """Also where nova-compute is slow to stop: the standby waits for its end, and no longer."""
    lab, (old,) = scene.lab, scene.running()
    with lab.fault("unit-slow-stop", controller=old, pairing=scene.pairing.name, seconds=20):
        since = lab.now()
        with contextlib.suppress(subprocess.SubprocessError):  # the command dies with the machine
            lab.controller(old).run(["systemctl", "reboot"], check=False)
        takeover = scene.wait_for_takeover(old, since, timeout_s=240)
        told(report, "ordered reboot, 20 s to stop", since, takeover)
        assert takeover.dead_s < takeover.start_s
        lab.boot(old)
    assert not scene.overlaps(since)
