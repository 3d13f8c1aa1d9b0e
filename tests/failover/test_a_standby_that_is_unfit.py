"""A standby on which something is wrong never takes over, and says what and what to do about it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from failover.scene import Scene
from lab.controllers.daemon import PROGRAM
from lab.controllers.daemon import UNIT as DAEMON

pytestmark = [pytest.mark.lab, pytest.mark.failover]

_SEEN_WITHIN_S = 60.0

# What is done on the standby, what takes it back, and the check that must fail then.
UNFIT = {
    "wrong host": ("sed -i 's/^host = .*/host = another-host/' CONF", "host"),
    "no compute_id": ("rm -f DIR/compute_id STATE/compute_id", "compute-id"),
    "another compute_id": ("echo 11111111-2222-4333-8444-555555555555 >DIR/compute_id", "compute-id"),
    "another cluster": ("sed -i 's/^cluster_name = .*/cluster_name = DC0_C1/' CONF", "cluster"),
    "container unit": (
        r"printf '[Service]\nExecStart=\nExecStart=/usr/bin/docker start -a x\n' >DROPIN/zz.conf; RELOAD",
        "container",
    ),
}


@contextmanager
def unfit(scene: Scene, controller: str, command: str) -> Iterator[None]:
    """Spoil a standby; everything is put back afterwards."""
    name, unit = scene.pairing.name, scene.pairing.unit
    places = {
        "DIR": f"/etc/nova/nova-compute-{name}",
        "STATE": f"/var/lib/nova/{name}",
        "DROPIN": f"/etc/systemd/system/{unit}.d",
    }
    places["CONF"] = f"{places['DIR']}/nova-compute.conf"
    command = command.replace("RELOAD", "systemctl daemon-reload")
    for word, path in sorted(places.items(), reverse=True):
        command = command.replace(word, path)
    kept, shell = "/run/test-unfit", ["sh", "-euc"]
    run = scene.lab.controller(controller).run
    spoil = [
        f"rm -rf {kept}; mkdir -p {kept} {places['DROPIN']}; cp -a {places['DIR']}/. {kept}/",
        f"test ! -e {places['STATE']}/compute_id || cp -a {places['STATE']}/compute_id {kept}/state_id",
        command,
    ]
    mend = [
        f"test ! -e {kept}/state_id || mv {kept}/state_id {places['STATE']}/compute_id",
        f"rm -f {places['DIR']}/compute_id; cp -a {kept}/. {places['DIR']}/; rm -rf {kept}",
        f"rm -f {places['DROPIN']}/zz.conf; systemctl daemon-reload",
    ]
    run([*shell, "; ".join(spoil)])
    try:
        yield
    finally:
        run([*shell, "; ".join(mend)])


def failing(scene: Scene, controller: str) -> dict[str, dict[str, str]]:
    """The checks that block there, by name, as `preflight --json` prints them."""
    answer = scene.lab.controller(controller).run(
        [PROGRAM, "preflight", scene.pairing.name, "--json"], check=False
    )
    (report,) = json.loads(answer.stdout)["pairings"]
    blocking = [one for one in report["checks"] if one["result"] in ("fail", "unknown") and one["hard"]]
    return {one["name"]: one for one in blocking}


@pytest.mark.parametrize("what", UNFIT)
def test_it_is_not_ready_and_says_why(scene: Scene, what: str):
    """Its own preflight names the check and a remedy, and the holder does not count on it."""
    command, check = UNFIT[what]
    (holder,) = scene.running()
    standby = next(one.name for one in scene.lab.topology.controller_list if one.name != holder)
    with unfit(scene, standby, command):
        _wait_until(scene, lambda: check in failing(scene, standby), f"{check} fails on {standby}")
        found = failing(scene, standby)[check]
        assert found["detail"]
        assert found["remedy"]
        _wait_until(
            scene,
            lambda: standby not in scene.ready_standbys(holder),
            f"{holder} does not count on {standby}",
        )
        refused = scene.lab.controller(holder).run(
            [PROGRAM, "failover", scene.pairing.name, "--to", standby], check=False, timeout_s=60
        )
        assert refused.returncode == 1
        assert check in refused.stdout + refused.stderr
        assert scene.running() == [holder]


def test_the_next_one_takes_over_instead(scene: Scene):
    """With the first standby unfit, the second one takes it, although the first would come first."""
    lab = scene.lab
    (holder,) = scene.running()
    first, second = [one.name for one in lab.topology.controller_list if one.name != holder]
    with unfit(scene, first, UNFIT["no compute_id"][0]):
        _wait_until(scene, lambda: first not in scene.ready_standbys(holder), f"{first} is not ready")
        with lab.fault("controller-killed", controller=holder) as fault:
            takeover = scene.wait_for_takeover(holder, fault["before"])
            assert takeover.new == second
    lab.controller(first).run(["systemctl", "is-active", DAEMON])
    assert not [run for run in scene.runs(fault["before"]) if run.controller == first]


def _wait_until(scene: Scene, is_so, what: str) -> None:
    deadline = scene.lab.now() + _SEEN_WITHIN_S
    while not is_so():
        assert scene.lab.now() < deadline, f"not within {_SEEN_WITHIN_S:g} s: {what}"
        scene.lab.status()
