"""Faults of whole controllers do what they say, and their clearing undoes it, as seen from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from figures import BUSY_MACHINE_S
from lab.api.http import HttpError
from lab.controllers import holding
from lab.controllers.daemon import UNIT
from lab.parts.endpoints import NOVA_PORT, RABBITMQ_PORT, VCENTER_PORT
from lab.parts.etcd import CLIENT_PORT
from lab.topology import SERVERS_ADDRESS

if TYPE_CHECKING:
    from lab.client import Lab

pytestmark = [pytest.mark.lab, pytest.mark.failover]

_PLACES = {
    "etcd": ("192.0.2.31", CLIENT_PORT),
    "vcenter": ("192.0.2.101", VCENTER_PORT),
    "rabbitmq": (SERVERS_ADDRESS, RABBITMQ_PORT),
    "nova": (SERVERS_ADDRESS, NOVA_PORT),
}
_CONNECT = 'timeout 1 bash -c ": </dev/tcp/$0/$1"'


@pytest.fixture
def standby(lab: Lab) -> str:
    """A controller on which nothing runs: what is done to it disturbs no nova-compute."""
    used = {name for pairing in lab.pairings for name in lab.running(pairing.unit)}
    return next(c.name for c in lab.topology.controller_list if c.name not in used)


@pytest.fixture
def holder(lab: Lab) -> str:
    """The controller on which the first pairing runs."""
    (name,) = lab.running(lab.pairings[0].unit)
    return name


def _reached(lab: Lab, controller: str) -> set[str]:
    """What a controller can connect to."""
    handle = lab.controller(controller)
    return {
        target
        for target, (address, port) in _PLACES.items()
        if handle.run(
            ["sh", "-c", _CONNECT.replace("$0", address).replace("$1", str(port))], check=False
        ).returncode
        == 0
    }


@pytest.mark.parametrize("target", _PLACES)
def test_a_controller_is_cut_off_from_one_thing_and_from_no_other(
    lab: Lab, standby: str, target: str
) -> None:
    """Packets are dropped in its own network alone."""
    others = [c.name for c in lab.topology.controller_list if c.name != standby]
    with lab.fault("controller-cut-from", controller=standby, target=target):
        assert _reached(lab, standby) == set(_PLACES) - {target}
        assert _reached(lab, others[0]) == set(_PLACES)
    assert _reached(lab, standby) == set(_PLACES)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("controller-cut", {}),
        ("controller-one-way", {"direction": "out"}),
        ("controller-one-way", {"direction": "in"}),
    ],
)
def test_a_controller_without_network_reaches_nothing_and_is_not_reached(
    lab: Lab, standby: str, name: str, arguments: dict[str, str]
) -> None:
    """One lost direction is enough: no connection is made."""
    with lab.fault(name, controller=standby, **arguments):
        assert _reached(lab, standby) == set()
        with pytest.raises(HttpError):
            lab.http("/metrics", standby, timeout_s=1.0)
    assert _reached(lab, standby) == set(_PLACES)
    lab.http("/metrics", standby)


def test_a_killed_controller_is_dead_at_once_and_tells_nobody(lab: Lab, holder: str) -> None:
    """RabbitMQ keeps the dead nova-computes as consumers; a boot starts the daemon, and no nova-compute."""
    units = [pairing.unit for pairing in lab.pairings if holder in lab.running(pairing.unit)]
    with lab.fault("controller-killed", controller=holder) as fault:
        for unit in units:
            ended = lab.wait_for("process.exit", since=fault["before"], timeout_s=BUSY_MACHINE_S, unit=unit)
            print(f"dead {ended['t'] - fault['before']:.2f} s after the injection began")
        assert lab.status()["controllers"][holder]["leader"] is None
        lab.wait_for("heartbeat", since=fault["t"] - 30.0, timeout_s=1.0, host=lab.pairings[0].host)
        assert not lab.events(fault["before"], "consumers", consumers=0)
    lab.wait_for("process.start", since=fault["t"], timeout_s=30.0, controller=holder, unit=UNIT)
    lab.heal()
    assert not [overlap for overlap in lab.overlaps(fault["before"]) if overlap.end_s is None]


def test_a_frozen_controller_does_nothing_and_is_not_dead(lab: Lab, standby: str) -> None:
    """Its processes still count as running; they go on after the thaw."""
    with lab.fault("controller-frozen", controller=standby) as fault:
        assert lab.status()["controllers"][standby]["frozen"]
        with pytest.raises(HttpError):
            lab.http("/metrics", standby, timeout_s=2.0)
        assert not lab.events(fault["before"], "process.exit", controller=standby)
    assert not lab.status()["controllers"][standby]["frozen"]
    lab.http("/metrics", standby)


@pytest.mark.parametrize("mode", ["ordered", "hard"])
def test_a_rebooted_controller_boots_by_itself(lab: Lab, standby: str, mode: str) -> None:
    """Taking the fault back waits for it; the daemon starts at boot, and nova-compute does not."""
    before = lab.status()["controllers"][standby]["leader"]
    fault = lab.inject("controller-reboot", controller=standby, mode=mode)
    lab.clear("controller-reboot")
    assert lab.status()["controllers"][standby]["leader"] not in (before, None)
    lab.wait_for("process.start", since=fault["before"], timeout_s=30.0, controller=standby, unit=UNIT)
    for pairing in lab.pairings:
        assert not lab.events(fault["before"], "process.start", controller=standby, unit=pairing.unit)


def test_a_daemon_in_a_crash_loop_is_started_again_and_again(lab: Lab, standby: str) -> None:
    """By its controller's systemd, until the fault is taken back."""
    with lab.fault("daemon-crash-loop", controller=standby) as fault:
        first = lab.wait_for(
            "process.exit", since=fault["before"], timeout_s=10.0, controller=standby, unit=UNIT
        )
        second = lab.wait_for(
            "process.exit", since=first["t"] + 0.1, timeout_s=10.0, controller=standby, unit=UNIT
        )
    lab.wait_for("process.start", since=second["t"], timeout_s=10.0, controller=standby, unit=UNIT)


def test_a_slow_stop_is_systemds_own_patience(lab: Lab, standby: str) -> None:
    """The unit is told to run something first, and given the time for it."""
    pairing = lab.pairings[0]
    show = ["systemctl", "show", "--property=ExecStop", pairing.unit]
    with lab.fault("unit-slow-stop", controller=standby, pairing=pairing.name, seconds=7):
        assert "/bin/sleep 7" in lab.controller(standby).run(show).stdout
    assert "/bin/sleep" not in lab.controller(standby).run(show).stdout


def test_units_are_managed_on_every_controller_and_enabled_on_none(lab: Lab) -> None:
    """The list that the deadline kills, the drop-in, and no start at boot."""
    units = sorted(pairing.unit for pairing in lab.pairings)
    for controller in lab.topology.controller_list:
        handle = lab.controller(controller.name)
        listed = handle.run(["cat", holding.MANAGED_UNITS]).stdout.splitlines()
        assert sorted(line for line in listed if line and not line.startswith("#")) == units
        for unit in units:
            shown = handle.run(["systemctl", "show", "--property=ExecCondition,Restart", unit]).stdout
            assert "may-start" in shown
            assert "Restart=no" in shown
            enabled = handle.run(["systemctl", "is-enabled", unit], check=False).stdout.strip()
            assert enabled == "disabled"
