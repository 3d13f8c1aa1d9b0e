"""etcd loses a member, its leader, its disk, everything; or one controller loses etcd."""

from __future__ import annotations

import pytest

from failover.conftest import wait_until_all_served
from failover.scene import Scene
from figures import Report
from nova_watchdog.core.hold.timing import Timing

pytestmark = [pytest.mark.lab, pytest.mark.failover]

TIMING = Timing()
# Longer than any takeover would take to begin.
LONG_S = TIMING.takeover_wait_s + 2 * TIMING.renew_s + 5


def still_runs(scene: Scene, since: float) -> bool:
    """Whether nothing began and nothing ended since then."""
    kinds = ("process.start", "process.exit")
    return not any(scene.lab.events(since, kind, unit=scene.pairing.unit) for kind in kinds)


@pytest.mark.parametrize("fault", ["etcd-member-killed", "etcd-leader-moved"])
def test_what_etcd_survives_moves_nothing(scenes: list[Scene], fault: str):
    """A majority goes on, so nobody takes over and nothing stops."""
    lab = scenes[0].lab
    since = lab.now()
    with lab.fault(fault):
        scenes[0].let_pass(LONG_S)
        assert all(still_runs(scene, since) for scene in scenes)
    assert all(still_runs(scene, since) for scene in scenes)


def test_a_leader_whose_disk_is_frozen_makes_no_overlap(scenes: list[Scene], report: Report):
    """It answers what needs no quorum; the daemons believe only what was committed."""
    lab = scenes[0].lab
    since = lab.now()
    with lab.fault("etcd-leader-disk-frozen"):
        scenes[0].let_pass(1.5 * LONG_S)
    wait_until_all_served(scenes)
    for scene in scenes:
        assert not scene.overlaps(since)
        report(f"etcd's leader with a frozen disk, {scene.pairing.name}: {len(scene.runs(since)) - 1} moves")


def test_without_etcd_all_stop_at_the_deadline_and_come_back_by_themselves(
    scenes: list[Scene], report: Report
):
    """No controller can hold, so nothing runs; after etcd is back, nobody has to do anything."""
    lab = scenes[0].lab
    with lab.fault("etcd-all-stopped") as fault:
        ends = [
            lab.wait_for("process.exit", since=fault["before"], timeout_s=60, unit=scene.pairing.unit)["t"]
            for scene in scenes
        ]
        assert max(ends) - fault["before"] < TIMING.deadline_s + TIMING.kill_s + 1
        scenes[0].let_pass(TIMING.takeover_wait_s)
        assert all(scene.running() == [] for scene in scenes)
    back = lab.now()
    wait_until_all_served(scenes)
    starts = [scene.runs(back)[0].start_s - back for scene in scenes]
    report(
        f"all of etcd lost: dead after {max(ends) - fault['before']:.1f} s (D {TIMING.deadline_s:g} s), "
        f"started {min(starts):.1f} to {max(starts):.1f} s after it is back"
    )
    assert not any(scene.overlaps(fault["before"]) for scene in scenes)


def test_a_holder_that_alone_loses_etcd_is_taken_over_from(scene: Scene, report: Report):
    """It cannot know what the others do: dead at the deadline, and then another one starts."""
    (old,) = scene.running()
    with scene.lab.fault("controller-cut-from", controller=old, target="etcd") as fault:
        takeover = scene.wait_for_takeover(old, fault["before"])
        assert takeover.dead_s < takeover.start_s
        report(
            f"etcd lost by the holder alone: dead after {takeover.dead_s - fault['before']:.1f} s, "
            f"started on {takeover.new} after {takeover.start_s - fault['before']:.1f} s"
        )
    assert not scene.overlaps(fault["before"])
