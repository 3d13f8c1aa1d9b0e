"""The holder's daemon dies, hangs or comes back: nova-compute lives on until the deadline, and no longer."""

from __future__ import annotations

import pytest

from failover.scene import Scene
from figures import Report
from lab.controllers.daemon import UNIT as DAEMON
from nova_watchdog.core.hold.timing import Timing

pytestmark = [pytest.mark.lab, pytest.mark.failover]

DEADLINE_S = Timing().deadline_s + Timing().kill_s


def test_a_killed_daemon_comes_back_and_nova_compute_never_notices(scene: Scene, report: Report):
    """systemd starts it anew within D: the same process, the same holder, the same epoch."""
    lab, (holder,) = scene.lab, scene.running()
    (before,) = [run for run in scene.runs() if run.end_s is None]
    epoch = scene.said(holder)["hold"]["epoch"]
    since = lab.now()
    lab.controller(holder).run(["systemctl", "kill", "--signal=KILL", DAEMON])
    again = lab.wait_for("process.start", since=since, timeout_s=60, unit=DAEMON, controller=holder)
    scene.wait_until_served([one.name for one in lab.topology.controller_list])
    (after,) = [run for run in scene.runs() if run.end_s is None]
    assert after == before, "untouched"
    assert scene.said(holder)["hold"]["epoch"] == epoch
    report(f"daemon killed: back after {again['t'] - since:.1f} s, nova-compute untouched")


def test_an_upgraded_daemon_goes_on_with_its_hold(scene: Scene):
    """`systemctl restart` on every controller, one after the other, touches no nova-compute."""
    lab = scene.lab
    before = [run for run in scene.runs() if run.end_s is None]
    for one in lab.topology.controller_list:
        lab.controller(one.name).run(["systemctl", "restart", DAEMON], timeout_s=90)
    scene.wait_until_served([one.name for one in lab.topology.controller_list])
    assert [run for run in scene.runs() if run.end_s is None] == before


def test_a_daemon_that_hangs_costs_its_nova_compute_at_the_deadline(scene: Scene, report: Report):
    """SIGSTOP: systemd's timer kills what it held, and a standby takes over after that."""
    (old,) = scene.running()
    with scene.lab.fault("daemon-stopped", controller=old) as fault:
        takeover = scene.wait_for_takeover(old, fault["before"])
        dead_after_s = takeover.dead_s - fault["before"]
        assert dead_after_s < DEADLINE_S
        assert takeover.dead_s < takeover.start_s
        report(
            f"daemon hung: nova-compute dead after {dead_after_s:.1f} s, "
            f"started on {takeover.new} after {takeover.start_s - fault['before']:.1f} s"
        )
    assert not scene.overlaps(fault["before"])


def test_a_daemon_that_crashes_in_a_loop_is_taken_over_from(scene: Scene, report: Report):
    """It never gets as far as a renewal: the deadline fires, and another controller goes on."""
    (old,) = scene.running()
    with scene.lab.fault("daemon-crash-loop", controller=old) as fault:
        takeover = scene.wait_for_takeover(old, fault["before"])
        assert takeover.dead_s < takeover.start_s
        report(
            f"daemon crashing in a loop: started elsewhere after {takeover.start_s - fault['before']:.1f} s"
        )
    assert not scene.overlaps(fault["before"])
