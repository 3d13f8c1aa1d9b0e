"""Faults of a whole controller: without power, standing still, rebooting, or without parts of its network."""

from __future__ import annotations

import functools
import threading
import time
from typing import TYPE_CHECKING

from lab import cgroups, network
from lab.errors import LabError
from lab.faults.model import CONTROLLER, Fault, Parameter
from lab.parts import endpoints, etcd, rabbitmq
from lab.topology import SERVERS_ADDRESS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lab.cloud import Cloud
    from lab.controllers.machine import Machine
    from lab.faults.model import Arguments
    from lab.topology import Topology

_FREEZE_TIMEOUT_S = 10.0
_SHUTDOWN_TIMEOUT_S = 300.0
_POLL_S = 0.02
_TARGETS = ("etcd", "vcenter", "rabbitmq", "nova")


def _running(cloud: Cloud, arguments: Arguments) -> Machine:
    machine = cloud.machines[arguments["controller"]]
    if not machine.runs:
        raise LabError(f"{machine.controller.name} is not running")
    return machine


def _kill(cloud: Cloud, arguments: Arguments) -> Callable[[], None]:
    machine = _running(cloud, arguments)
    machine.kill()
    return machine.boot_again


def _freeze(cloud: Cloud, arguments: Arguments) -> Callable[[], None]:
    machine = _running(cloud, arguments)
    _set_frozen(machine, frozen=True)
    return functools.partial(_set_frozen, machine, frozen=False)


def _set_frozen(machine: Machine, *, frozen: bool) -> None:
    """Return when every process of it stands, or none does."""
    cgroups.freeze(machine.site.paths.state.name, machine.controller.name, frozen=frozen)
    deadline = time.monotonic() + _FREEZE_TIMEOUT_S
    while machine.is_frozen != frozen:
        if time.monotonic() > deadline:
            raise LabError(f"{machine.controller.name} is not {'frozen' if frozen else 'thawed'} in time")
        time.sleep(_POLL_S)


def _reboot(cloud: Cloud, arguments: Arguments) -> Callable[[], None]:
    """Reboot it beside; taking the fault back waits until it is up."""
    machine = _running(cloud, arguments)
    if arguments["mode"] == "hard":
        machine.kill()
    else:
        machine.run("systemctl", "reboot")
    booting = threading.Thread(target=_boot_when_down, args=(machine,), daemon=True)
    booting.start()

    def wait() -> None:
        booting.join()
        if not machine.runs:
            machine.boot_again()

    return wait


def _boot_when_down(machine: Machine) -> None:
    deadline = time.monotonic() + _SHUTDOWN_TIMEOUT_S
    while machine.runs and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    machine.boot_again()


def _cut(cloud: Cloud, arguments: Arguments) -> Callable[[], None]:
    machine = _running(cloud, arguments)
    network.cut(machine.controller.name)

    def mend() -> None:
        if machine.namespace.exists():
            network.mend(machine.controller.name)

    return mend


def _one_way(cloud: Cloud, arguments: Arguments) -> Callable[[], None]:
    rule = {
        "out": f"output oifname {network.INTERFACE_INSIDE}",
        "in": f"input iifname {network.INTERFACE_INSIDE}",
    }[arguments["direction"]]
    return _drop(_running(cloud, arguments), f"lab_one_way_{arguments['direction']}", [rule])


def _cut_from(cloud: Cloud, arguments: Arguments) -> Callable[[], None]:
    machine = _running(cloud, arguments)
    places = _places(cloud.site.topology, arguments["target"])
    rules = []
    for address, ports in places:
        listed = f"{{ {', '.join(map(str, ports))} }}"
        rules += [
            f"output ip daddr {address} tcp dport {listed}",
            f"input ip saddr {address} tcp sport {listed}",
        ]
    return _drop(machine, f"lab_cut_from_{arguments['target']}", rules)


def _places(topology: Topology, target: str) -> list[tuple[str, tuple[int, ...]]]:
    """Addresses and ports that are one thing to a controller."""
    found: dict[str, list[tuple[str, tuple[int, ...]]]] = {
        "etcd": [(member.address, (etcd.CLIENT_PORT,)) for member in topology.etcd_list],
        "vcenter": [(vcenter.address, (endpoints.VCENTER_PORT,)) for vcenter in topology.vcenter_list],
        "rabbitmq": [(SERVERS_ADDRESS, (endpoints.RABBITMQ_PORT, rabbitmq.MANAGEMENT_PORT))],
        "nova": [
            (SERVERS_ADDRESS, (endpoints.KEYSTONE_PORT, endpoints.NOVA_PORT, endpoints.PLACEMENT_PORT)),
        ],
    }
    if not found[target]:
        raise LabError(f"target = {target}: this lab has none")
    return found[target]


def _drop(machine: Machine, table: str, rules: Sequence[str]) -> Callable[[], None]:
    network.drop(machine.namespace, table, rules)
    return functools.partial(network.drop_no_more, machine.namespace, table)


FAULTS = (
    Fault(
        "controller-killed",
        "{controller} loses power: all on it is dead at once, no connection is told. Cleared, it boots.",
        _kill,
        (CONTROLLER,),
    ),
    Fault(
        "controller-frozen",
        "{controller} stands still, its systemd too; its clock goes on: what is overdue comes at the thaw.",
        _freeze,
        (CONTROLLER,),
    ),
    Fault(
        "controller-reboot",
        "{controller} reboots ({mode}: ordered stops its units first, hard does not) and boots by itself.",
        _reboot,
        (CONTROLLER, Parameter("mode", "choice", "ordered", choices=("ordered", "hard"))),
    ),
    Fault(
        "controller-cut",
        "{controller} loses its network: everything on it goes on, and nobody outside hears of it.",
        _cut,
        (CONTROLLER,),
    ),
    Fault(
        "controller-one-way",
        "{controller} loses all packets one way ({direction}: out is what it sends, in is what it is sent).",
        _one_way,
        (CONTROLLER, Parameter("direction", "choice", choices=("out", "in"))),
    ),
    Fault(
        "controller-cut-from",
        "{controller} alone does not reach {target} any more: packets are dropped, connections are not told.",
        _cut_from,
        (CONTROLLER, Parameter("target", "choice", choices=_TARGETS)),
    ),
)
