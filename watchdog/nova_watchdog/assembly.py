"""Settings in, adapters, probes and loops out. What did not change is kept when settings change.

One part per remote side: a vCenter with its session, a message bus with its connection, the cloud. A part
is kept while its own settings are the same, so a reload logs in nowhere anew without need.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from nova_watchdog.adapters.calendar import Calendar, Window
from nova_watchdog.adapters.message_bus import RabbitMessageBus
from nova_watchdog.adapters.nova import OpenStackServices
from nova_watchdog.adapters.vcenter import PyvmomiVCenter
from nova_watchdog.config.settings import SLOW_TIMEOUT_S, BusSettings, Settings, VCenterSettings
from nova_watchdog.core.events import Event
from nova_watchdog.core.hold.holding import Holding
from nova_watchdog.core.model import (
    Answer,
    BusOutcome,
    BusView,
    InventoryView,
    Pairing,
    ServicesView,
    VCenterOutcome,
    VCenterView,
    WorkloadView,
)
from nova_watchdog.ports import Clock, NovaServices, Store, Units
from nova_watchdog.receivers import Closer, receivers_of
from nova_watchdog.runtime.fleet import Fleet
from nova_watchdog.runtime.ledger import Ledger
from nova_watchdog.runtime.notify import Dispatcher
from nova_watchdog.runtime.pairing_loop import PairingLoop
from nova_watchdog.runtime.probe import Probe
from nova_watchdog.runtime.world import Probes, World

_Key = tuple[str, str]

# A probe's own bound is its timeout; the reading turns Unknown only when even that did not hold.
_DEADLINE_SLACK_S = 1.0
# What changes slowly (vCenter's inventory, Nova's instances) is asked again after a failure.
_SLOW_RETRY_S = 10.0
# Beside the control socket, under /run: a reboot forgets it.
_LOGINS_FILE = "vcenter-logins.json"


@dataclass(slots=True)
class _Part:
    """One remote side: what it was made from, its probes, how to let it go, and what acts on it."""

    settings: Hashable
    probes: tuple[Probe[Any], ...]
    close: Closer
    port: Any = None


class Assembly:
    """Builds the fleet from settings, again at each reload. Nothing here waits for a remote side."""

    def __init__(
        self,
        clock: Clock,
        store: Store,
        units: Units,
        fleet: Fleet,
        holding: Callable[[str], Holding | None] = lambda _pairing: None,
    ) -> None:
        self._clock = clock
        self._store = store
        self._units = units
        self._fleet = fleet
        self._holding = holding
        self._parts: dict[_Key, _Part] = {}
        self._loops: dict[str, tuple[Hashable, PairingLoop]] = {}
        self.calendar = Calendar(())
        self.dispatcher = Dispatcher((), clock, random.random)
        self._dispatcher_closers: list[Closer] = []

    async def apply(self, settings: Settings) -> None:
        """Watch what these settings say. Parts that are gone or different are closed at the end.

        Nobody runs the dispatcher or the calendar meanwhile: both are made anew.
        """
        before, wanted = self._parts, self._wanted_parts(settings)
        of_old_dispatcher = self._dispatcher_closers
        self._parts = wanted
        self.calendar = Calendar(
            [Window(w.name, w.trigger, w.duration_s, frozenset(w.pairings)) for w in settings.maintenance]
        )
        self._renew_dispatcher(settings)
        probes = [probe for one in wanted.values() for probe in one.probes]
        loops = self._make_loops(settings)
        await self._fleet.take(probes, loops)
        for key, part in before.items():
            if wanted.get(key) is not part:
                await part.close()
        for close in of_old_dispatcher:
            await close()

    def _wanted_parts(self, settings: Settings) -> dict[_Key, _Part]:
        """One part for each remote side: the one that is there, where its settings are the same."""
        keys: dict[_Key, tuple[Hashable, Callable[[], _Part]]] = {
            ("cloud", ""): (settings.openstack, partial(self._cloud, settings))
        }
        for name, vcenter in settings.vcenters.items():
            its = _vcenter_settings(settings, vcenter)
            keys["vcenter", name] = (its, partial(self._vcenter, settings, vcenter))
        for name, bus in settings.buses.items():
            keys["bus", name] = (_bus_settings(settings, bus), partial(self._bus, settings, bus))
        found = {}
        for key, (its_settings, build) in keys.items():
            part = self._parts.get(key)
            found[key] = part if part is not None and part.settings == its_settings else build()
        return found

    def closers(self) -> list[Closer]:
        """How to let each part go, to be done at the same time at the shutdown."""
        return [*(part.close for part in self._parts.values()), *self._dispatcher_closers]

    def _make_loops(self, settings: Settings) -> list[PairingLoop]:
        loops: dict[str, tuple[Hashable, PairingLoop]] = {}
        for one in settings.pairings:
            pairing = one.pairing
            probes = self._probes_of(pairing.vcenter, pairing.bus)
            # Identity of the probes: a loop listens to exactly these.
            same = (pairing, settings.policy, settings.controller, tuple(id(probe) for probe in probes))
            found = self._loops.get(pairing.name)
            if found is not None and found[0] == same:
                loops[pairing.name] = found
                continue
            before = found[1] if found is not None and _same_process(found[1].pairing, pairing) else None
            world = World(
                clock=self._clock,
                units=self._units,
                nova=self._nova,
                probes=probes,
                count=self._fleet.counter_for(pairing.name),
                peers=self._fleet.peers,
                window=self.window,
                tell=self._tell,
                controller=settings.controller,
                holding=self._holding,
            )
            ledger = Ledger(self._store, pairing, self._clock)
            loops[pairing.name] = (same, PairingLoop(pairing, settings.policy, world, ledger, before))
        self._loops = loops
        return [loop for _, loop in loops.values()]

    # Both ask each time: a reload renews the calendar and the dispatcher under loops that go on.
    def window(self, pairing: str, wall_s: float) -> str:
        """The maintenance window that is open for the pairing at that Unix time, empty: none."""
        return self.calendar.window(pairing, wall_s)

    def _tell(self, events: Sequence[Event]) -> None:
        self.dispatcher.tell(events)

    @property
    def _nova(self) -> NovaServices:
        port: NovaServices = self._parts["cloud", ""].port
        return port

    def _probes_of(self, vcenter: str, bus: str) -> Probes:
        canary, inventory = self._parts["vcenter", vcenter].probes
        services, workload = self._parts["cloud", ""].probes
        of_bus = self._parts.get(("bus", bus))
        return Probes(
            vcenter=canary,
            services=services,
            bus=of_bus.probes[0] if of_bus else None,
            inventory=inventory,
            workload=workload,
        )

    def _renew_dispatcher(self, settings: Settings) -> None:
        link = f"http://{settings.controller}:{settings.http.port}/api/v1/status" if settings.http else ""
        closers: list[Closer] = []
        dispatcher = Dispatcher(
            receivers_of(settings.notify, self._clock, closers, link=link), self._clock, random.random
        )
        dispatcher.inherit(self.dispatcher)
        self.dispatcher = dispatcher
        self._dispatcher_closers = closers

    def _cloud(self, settings: Settings) -> _Part:
        cloud = settings.openstack
        nova = OpenStackServices(cloud.cloud, cloud.clouds_file, timeout_s=cloud.timeout_s, clock=self._clock)
        services: Probe[ServicesView] = Probe(
            "nova",
            cloud.cloud,
            nova.read,
            self._clock,
            interval_s=cloud.interval_s,
            deadline_s=cloud.timeout_s + _DEADLINE_SLACK_S,
            judge=lambda view: (True, f"{len(view.computes)} nova-computes"),
        )
        workload: Probe[WorkloadView] = Probe(
            "workload",
            cloud.cloud,
            nova.workload,
            self._clock,
            interval_s=cloud.workload_interval_s,
            deadline_s=SLOW_TIMEOUT_S + _DEADLINE_SLACK_S,
            judge=lambda view: (True, f"{len(view.hosts)} hypervisor hosts"),
            retry_s=_SLOW_RETRY_S,
        )
        return _Part(cloud, (services, workload), nova.close, nova)

    def _vcenter(self, settings: Settings, one: VCenterSettings) -> _Part:
        vcenter = PyvmomiVCenter(
            one.address,
            one.port,
            one.username,
            one.password,
            one.clusters,
            ca_file=one.ca_file,
            insecure=one.insecure,
            timeout_s=settings.probes.timeout_s,
            clock=self._clock,
            inspect_timeout_s=SLOW_TIMEOUT_S,
            memory_file=logins_file(settings),
        )
        canary: Probe[VCenterView] = Probe(
            "vcenter",
            one.key,
            vcenter.read,
            self._clock,
            interval_s=settings.probes.interval_s,
            deadline_s=settings.probes.timeout_s + _DEADLINE_SLACK_S,
            judge=lambda view: (view.outcome is VCenterOutcome.OK, view.detail),
        )
        inventory: Probe[InventoryView] = Probe(
            "inventory",
            one.key,
            vcenter.inspect,
            self._clock,
            interval_s=settings.probes.inventory_interval_s,
            deadline_s=SLOW_TIMEOUT_S + _DEADLINE_SLACK_S,
            judge=lambda view: (True, f"{len(view.clusters)} clusters"),
            retry_s=_SLOW_RETRY_S,
        )
        return _Part(_vcenter_settings(settings, one), (canary, inventory), vcenter.close)

    def _bus(self, settings: Settings, one: BusSettings) -> _Part:
        bus = RabbitMessageBus(
            one.conf,
            one.hosts,
            timeout_s=one.timeout_s,
            ping_timeout_s=one.ping_timeout_s,
            clock=self._clock,
        )
        probe: Probe[BusView] = Probe(
            "bus",
            one.key,
            bus.read,
            self._clock,
            interval_s=one.interval_s,
            deadline_s=one.timeout_s + _DEADLINE_SLACK_S,
            judge=_judge_bus,
        )
        return _Part(_bus_settings(settings, one), (probe,), bus.close)


def _same_process(before: Pairing, now: Pairing) -> bool:
    return (before.unit, before.host) == (now.unit, now.host)


def logins_file(settings: Settings) -> Path:
    """Where refused logins are remembered, for every daemon and check of this controller."""
    return settings.control_socket.parent / _LOGINS_FILE


def _vcenter_settings(settings: Settings, one: VCenterSettings) -> Hashable:
    """What a vCenter's part depends on. Its password is read from these files."""
    files = tuple(p.nova.files for p in settings.pairings if p.pairing.vcenter == one.key)
    return (one, files, settings.probes, logins_file(settings))


def _bus_settings(settings: Settings, one: BusSettings) -> Hashable:
    """What a bus's part depends on. Its options are read from these files."""
    return (one, tuple(p.nova.files for p in settings.pairings if p.pairing.bus == one.key))


def _judge_bus(view: BusView) -> tuple[bool, str]:
    if view.outcome is not BusOutcome.OK:
        return False, view.detail
    silent = sorted(host for host, one in view.computes.items() if one.ping is Answer.UNANSWERED)
    if view.conductor is not Answer.ANSWERED:
        silent = ["a conductor", *silent]
    return True, f"no answer from {', '.join(silent)}" if silent else view.detail
