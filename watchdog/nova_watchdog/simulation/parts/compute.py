"""The simulated nova-compute: what its process does from its start to its end, as the real one does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from nova_watchdog.simulation.parts.bus import Consumer, SimulatedBus
from nova_watchdog.simulation.parts.machine import Machine, Timer
from nova_watchdog.simulation.parts.network import BUS, VCENTER, Link, Network
from nova_watchdog.simulation.parts.nova import SimulatedNova
from nova_watchdog.simulation.parts.systemd import SimulatedSystemd
from nova_watchdog.simulation.parts.vcenter import VCenterTruth

_REFUSED_EXIT_S = 4.0
_LOGIN_REFUSED_EXIT_S = 7.4
_LOGIN_S = 5.0
_CONSUMES_AFTER_LOGIN_S = 1.0
_FIRST_BEAT_S = (10.0, 14.0)
_BEAT_S = 10.0
_REPORT_S = 0.05
_STOP_S = 4.0
_STOP_WITHOUT_VCENTER_S = 165.0
# A hung process does not hear SIGTERM.
_STOP_NEVER_S = 86400.0
# While vCenter refuses the driver disables its service; the same process takes that back later.
_DISABLES_AFTER_S = 481.0
_ENABLES_AFTER_S = 60.0


@dataclass(frozen=True, slots=True)
class Cloud:
    """What every nova-compute shares. `vcenters`: by their names in the network.

    bad_starts: the machines on which none comes up, each as often as a fault makes it so.
    """

    network: Network
    nova: SimulatedNova
    bus: SimulatedBus
    vcenters: Mapping[str, VCenterTruth]
    random: Random
    bus_target: str = BUS
    bad_starts: list[str] = field(default_factory=list)

    def end_conductors(self) -> None:
        """No conductor works: pings to it fail, and no heartbeat is written."""
        self.bus.conductor_answers = False
        self.nova.end_conductors()

    def begin_conductors(self) -> None:
        """They work again."""
        self.bus.conductor_answers = True
        self.nova.begin_conductors()


@dataclass(frozen=True, slots=True)
class Identity:
    """Which nova-compute a process is: its host, and its vCenter's name in the network."""

    host: str
    vcenter: str = VCENTER


class ComputeProcess:
    """One process of a nova-compute, on a machine with a watchdog or without one.

    hung: it does nothing more, and is still there. exits: called with the exit code when it ends by itself.
    """

    def __init__(
        self, identity: Identity, machine: Machine, cloud: Cloud, exits: Callable[[int], None]
    ) -> None:
        self.identity = identity
        self.hung = False
        self._machine = machine
        self._cloud = cloud
        self._exits = exits
        self._vcenter = cloud.vcenters[identity.vcenter]
        self._vcenter_link: Link = cloud.network.link(machine.name, identity.vcenter)
        self._bus_link: Link = cloud.network.link(machine.name, cloud.bus_target)
        self._consumer = Consumer(self._answers)
        self._refused_since_s: float | None = None
        self._fine_since_s: float | None = None
        self._has_disabled = False
        self._is_alive = True
        self._timer: Timer = machine.call_later(_REFUSED_EXIT_S, self._log_in)

    def end(self) -> None:
        """It is dead. Only a connection that can be closed is: else the broker notices late."""
        self._is_alive = False
        self._timer.cancel()
        if self._machine.is_on and self._bus_link.is_whole:
            self._cloud.bus.close(self.identity.host, self._consumer)

    def reaches_vcenter(self) -> bool:
        """Whether its calls to vCenter are answered."""
        return (
            self._vcenter_link.is_whole and not self._vcenter.is_silent and self._vcenter.unreachable is None
        )

    def _log_in(self) -> None:
        if not self._is_alive:
            return
        refused = self._vcenter.unreachable is not None and self._vcenter_link.is_whole
        if refused or self._machine.name in self._cloud.bad_starts:
            self._exits(1)
        elif not self.reaches_vcenter():  # the login has no timeout: it waits until vCenter answers
            self._timer = self._machine.call_later(_LOGIN_S, self._log_in)
        elif self._vcenter.login_refused is not None:
            self._timer = self._machine.call_later(_LOGIN_REFUSED_EXIT_S - _REFUSED_EXIT_S, self._exits, 1)
        else:
            wait_s = _LOGIN_S + _CONSUMES_AFTER_LOGIN_S - _REFUSED_EXIT_S
            self._timer = self._machine.call_later(wait_s, self._consume)

    def _consume(self) -> None:
        self._tell_bus()
        least_s, most_s = _FIRST_BEAT_S
        beat_s = least_s + (most_s - least_s) * self._cloud.random.random()
        wait_s = beat_s - _LOGIN_S - _CONSUMES_AFTER_LOGIN_S
        self._timer = self._machine.call_later(wait_s, self._beat)

    def _beat(self) -> None:
        self._timer = self._machine.call_later(_BEAT_S, self._beat)
        if self.hung:
            return
        if self._tell_bus() and self._cloud.bus.takes_reports:
            nova, host = self._cloud.nova, self.identity.host
            self._machine.timeline.call_later(_REPORT_S, nova.beat, host)
            self._mind_vcenter()

    def _tell_bus(self) -> bool:
        """Whether the broker hears of it now."""
        is_heard = self._bus_link.is_whole and self._cloud.bus.unreachable is None and not self.hung
        if is_heard:
            self._cloud.bus.hear(self.identity.host, self._consumer)
        return is_heard

    def _answers(self) -> bool:
        return self._is_alive and self._machine.runs and not self.hung and self._bus_link.is_whole

    def _mind_vcenter(self) -> None:
        """The driver's own switch of the service. A silent vCenter it never notices."""
        now_s, host = self._machine.clock.now_s(), self.identity.host
        if self._vcenter_link.is_whole and self._vcenter.unreachable is not None:
            self._fine_since_s = None
            self._refused_since_s = now_s if self._refused_since_s is None else self._refused_since_s
            if not self._has_disabled and now_s - self._refused_since_s >= _DISABLES_AFTER_S:
                self._has_disabled = True
                self._cloud.nova.disable_by_driver(host)
        elif self._has_disabled and self.reaches_vcenter():
            self._fine_since_s = now_s if self._fine_since_s is None else self._fine_since_s
            if now_s - self._fine_since_s >= _ENABLES_AFTER_S:
                self._has_disabled = False
                self._cloud.nova.enable_by_driver(host)
        else:
            self._refused_since_s = None


class ComputeProcesses:
    """The nova-computes that a machine's systemd runs. `identities` by unit; `running` by unit."""

    def __init__(self, systemd: SimulatedSystemd, identities: Mapping[str, Identity], cloud: Cloud) -> None:
        self._systemd = systemd
        self._identities = identities
        self._cloud = cloud
        self.running: dict[str, ComputeProcess] = {}
        systemd.on_began.append(self._began)
        systemd.on_ended.append(self._ended)
        systemd.stop_takes = self._stop_takes_s

    def hang(self, unit: str) -> None:
        """The process of that unit does nothing any more. No change where there is none."""
        if unit in self.running:
            self.running[unit].hung = True

    def _began(self, unit: str) -> None:
        if unit in self._identities:
            self.running[unit] = ComputeProcess(
                self._identities[unit],
                self._systemd.machine,
                self._cloud,
                lambda code: self._systemd.exit(unit, code),
            )

    def _ended(self, unit: str) -> None:
        process = self.running.pop(unit, None)
        if process is not None:
            process.end()

    def _stop_takes_s(self, unit: str) -> float:
        process = self.running.get(unit)
        if process is None or (process.reaches_vcenter() and not process.hung):
            return _STOP_S
        return _STOP_NEVER_S if process.hung else _STOP_WITHOUT_VCENTER_S


def start_rogue(identity: Identity, machine: Machine, cloud: Cloud) -> ComputeProcess:
    """Run one by hand, beside systemd. `end` kills it, and so does the loss of power."""
    process = ComputeProcess(identity, machine, cloud, lambda _code: process.end())
    machine.on_off.append(process.end)
    return process
