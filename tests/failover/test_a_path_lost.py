"""The holder alone loses vCenter or RabbitMQ, or half of its network: what the diagnosis table says."""

from __future__ import annotations

import pytest

from failover.conftest import wait_until_all_served
from failover.scene import Scene
from figures import Report

pytestmark = [pytest.mark.lab, pytest.mark.failover]

MOVE_WITHIN_S = 300.0


@pytest.mark.parametrize("target", ["vcenter", "rabbitmq"])
def test_who_alone_lost_a_path_gives_the_pairing_away(scenes: list[Scene], target: str, report: Report):
    """A standby reaches it, so the pairing moves there: stopped here first, released, started there."""
    scene = scenes[0]
    (old,) = scene.running()
    with scene.lab.fault("controller-cut-from", controller=old, target=target) as fault:
        takeover = scene.wait_for_takeover(old, fault["before"], timeout_s=MOVE_WITHIN_S)
        assert takeover.dead_s < takeover.start_s
        assert "H11" in scene.rules(fault["before"], old), "released in order"
        report(
            f"{target} lost by the holder alone: stopped after {takeover.dead_s - fault['before']:.0f} s, "
            f"started on {takeover.new} {takeover.start_s - takeover.dead_s:.1f} s later"
        )
    wait_until_all_served(scenes, 300)
    assert not scene.overlaps(fault["before"])


@pytest.mark.parametrize("direction", ["out", "in"])
def test_one_way_loss_makes_no_overlap(scene: Scene, direction: str, report: Report):
    """What it sends is lost, or what it is sent: it cannot renew, so it dies at the deadline."""
    (old,) = scene.running()
    with scene.lab.fault("controller-one-way", controller=old, direction=direction) as fault:
        takeover = scene.wait_for_takeover(old, fault["before"])
        assert takeover.dead_s < takeover.start_s
        report(
            f"one way lost ({direction}): dead after {takeover.dead_s - fault['before']:.1f} s, "
            f"started on {takeover.new} after {takeover.start_s - fault['before']:.1f} s"
        )
    assert not scene.overlaps(fault["before"])


def test_vcenter_away_for_everyone_and_then_the_holder_dies(scenes: list[Scene], report: Report):
    """No restart loop while vCenter is away; served again after it is back, without a human."""
    scene = scenes[0]
    lab, (old,) = scene.lab, scene.running()
    with lab.fault("vcenter-refused") as away:
        lab.wait_for("fault", since=away["before"], timeout_s=10)
        with lab.fault("controller-killed", controller=old) as killed:
            scene.let_pass(40)
            assert not [run for run in scene.runs(killed["t"]) if run.start_s > killed["t"]]
            back = lab.clear("vcenter-refused")[0]
            takeover = scene.wait_for_takeover(old, back["before"])
            report(
                f"vCenter away, then the holder's controller killed: started on {takeover.new} "
                f"{takeover.start_s - back['t']:.1f} s after vCenter is back"
            )
    wait_until_all_served(scenes, 300)
    assert not scene.overlaps(away["before"])
