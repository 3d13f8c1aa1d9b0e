"""What one pairing's loop needs of the world."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nova_watchdog.core.breaker import Peer
from nova_watchdog.core.events import Event
from nova_watchdog.core.hold.holding import Holding
from nova_watchdog.core.model import (
    BusView,
    InventoryView,
    Observation,
    Observed,
    ServicesView,
    UnitState,
    Unknown,
    VCenterView,
    WorkloadView,
)
from nova_watchdog.ports import Clock, NovaServices, Units
from nova_watchdog.runtime.probe import Probe

_NO_BUS = Unknown("nova's transport_url names no RabbitMQ that could be asked", 0.0)


@dataclass(frozen=True, slots=True)
class Probes:
    """The probes whose readings make a pairing's observation. `bus`: None where there is none to ask."""

    vcenter: Probe[VCenterView]
    services: Probe[ServicesView]
    bus: Probe[BusView] | None
    inventory: Probe[InventoryView]
    workload: Probe[WorkloadView]

    def __iter__(self) -> Iterator[Probe[Any]]:
        yield from (self.vcenter, self.services, self.inventory, self.workload)
        if self.bus is not None:
            yield self.bus

    def observation(self, unit: Observed[UnitState]) -> Observation:
        """Their last readings beside that of the unit."""
        return Observation(
            unit,
            self.vcenter.observed,
            self.services.observed,
            _NO_BUS if self.bus is None else self.bus.observed,
            self.inventory.observed,
            self.workload.observed,
        )

    def request(self) -> None:
        """Ask for what a start depends on: readings that begin after this call."""
        self.vcenter.request()
        self.services.request()
        if self.bus is not None:
            self.bus.request()


@dataclass(frozen=True, slots=True)
class World:
    """The ports and neighbours of one pairing's loop.

    count: receives (rule, action, outcome) of each action.
    peers: every pairing of this daemon, this one included.
    window: names the maintenance window that is open for the pairing at a Unix time; empty: none.
    tell: takes events for people, and never blocks.
    holding: the pairing's hold as it stands now; None: no other controller shares it.
    """

    clock: Clock
    units: Units
    nova: NovaServices
    probes: Probes
    count: Callable[[str, str, str], None]
    peers: Callable[[], Iterable[Peer]] = tuple
    window: Callable[[str, float], str] = lambda _pairing, _wall_s: ""
    tell: Callable[[Sequence[Event]], None] = lambda _events: None
    controller: str = ""
    holding: Callable[[str], Holding | None] = lambda _pairing: None
