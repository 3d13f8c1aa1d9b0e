"""One long run of random faults: nothing overlaps, and everything is served in the end."""

from __future__ import annotations

import os
import random
import time

import pytest

from failover.conftest import wait_until_all_served
from failover.scene import Scene
from figures import Report
from lab.client import Lab

pytestmark = [pytest.mark.lab, pytest.mark.failover]

# How many faults; more by `NOVA_WATCHDOG_NEMESIS=100 pytest ...`.
FAULTS = int(os.environ.get("NOVA_WATCHDOG_NEMESIS", "4"))
SEED = int(os.environ.get("NOVA_WATCHDOG_NEMESIS_SEED", "1"))
_LASTS_S = (3.0, 40.0)
_PAUSE_S = (0.0, 20.0)
_ON_A_CONTROLLER = ("controller-killed", "controller-cut", "controller-frozen", "daemon-stopped")
_ON_ETCD = ("etcd-member-killed", "etcd-leader-moved", "etcd-leader-disk-frozen", "etcd-all-stopped")


def test_random_faults_overlap_nothing(scenes: list[Scene], report: Report):
    """Each fault lasts as long as chance says, and the next begins while the last is still felt."""
    lab, chance = scenes[0].lab, random.Random(SEED)  # noqa: S311 - to be played again, not to be secret
    since = lab.now()
    played = [one_fault(lab, chance) for _ in range(FAULTS)]
    lab.clear_all()
    wait_until_all_served(scenes, 600)
    assert not [pair for scene in scenes for pair in scene.overlaps(since)], played
    moves = sum(len(scene.runs(since)) - 1 for scene in scenes)
    report(f"nemesis, seed {SEED}: {', '.join(played)}: {moves} starts, no overlap, all served")


def one_fault(lab: Lab, chance: random.Random) -> str:
    """Break something for a while. Says what."""
    name = chance.choice(_ON_A_CONTROLLER + _ON_ETCD)
    arguments = {}
    if name in _ON_A_CONTROLLER:
        arguments["controller"] = chance.choice(lab.topology.controller_list).name
    with lab.fault(name, **arguments):
        time.sleep(chance.uniform(*_LASTS_S))
    time.sleep(chance.uniform(*_PAUSE_S))
    return " ".join([name, *arguments.values()])
