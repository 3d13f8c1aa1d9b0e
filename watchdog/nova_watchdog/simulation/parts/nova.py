"""A Nova with service records that beat, age, are disabled and enabled, and the way to it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from nova_watchdog.core.model import (
    DRIVER_DISABLED_REASON,
    HostLoad,
    ServiceRecord,
    ServicesView,
    WorkloadView,
)
from nova_watchdog.ports import ActionRefusedError, ProbeError, ResultUnknownError
from nova_watchdog.simulation.parts.network import NOVA, Network
from nova_watchdog.simulation.timeline import Timeline

T = TypeVar("T")

# Nova's service_down_time.
_DOWN_S = 60.0


class NovaTruth:
    """What is true in Nova. `enabled` lists the hosts that a watchdog enabled."""

    def __init__(self, *hosts: str, conductors: int = 1) -> None:
        self._records = {
            host: ServiceRecord(
                service_id=f"service-{number}",
                host=host,
                up=True,
                disabled=False,
                disabled_reason="",
                forced_down=False,
                updated_at="beat-0",
            )
            for number, host in enumerate(hosts, start=1)
        }
        self._loads = {
            host: HostLoad(instances=0, nodes=(f"domain-c{number}.uuid",))
            for number, host in enumerate(hosts, start=1)
        }
        self._hidden: set[str] = set()
        self._beats = 0
        self._failure: str | None = None
        self.conductors = conductors
        self.conductors_up = conductors
        self.enabled: list[str] = []

    # --- what its API answers

    def read_now(self) -> ServicesView:
        """All services. Raises ProbeError."""
        self._require_answer()
        computes = {host: record for host, record in self._records.items() if host not in self._hidden}
        return ServicesView(computes, self.conductors_up, self.conductors, frozenset(self._hidden))

    def workload_now(self) -> WorkloadView:
        """Hypervisors and builds. Raises ProbeError."""
        self._require_answer()
        return WorkloadView(dict(self._loads))

    def enable_now(self, host: str, only_if_reason: str) -> None:
        """Enable it, if it is disabled with that reason. Raises ActionRefusedError."""
        if self._failure is not None:
            raise ActionRefusedError(f"{host} was not enabled, its record cannot be read: {self._failure}")
        record = self._records.get(host)
        if record is None:
            raise ActionRefusedError(f"Nova has no nova-compute record of {host}")
        if host in self._hidden:
            raise ActionRefusedError(f"{host} was not enabled: its cell does not answer")
        if record.forced_down or not record.disabled or record.disabled_reason != only_if_reason:
            raise ActionRefusedError(f"{host} was not enabled: not disabled with that reason")
        self.enabled.append(host)
        self.enable_by_operator(host)

    # --- everybody else

    def record(self, host: str) -> ServiceRecord:
        """The record as Nova has it."""
        return self._records[host]

    def beat(self, host: str) -> None:
        """A heartbeat of the nova-compute."""
        self._change(host, up=True)

    def go_down(self, host: str) -> None:
        """Nova counts the service as down: no heartbeat for `service_down_time`."""
        self._records[host] = replace(self._records[host], up=False)

    def disable_by_driver(self, host: str) -> None:
        """What nova's VMware driver does when vCenter is gone for long."""
        self._change(host, disabled=True, disabled_reason=DRIVER_DISABLED_REASON)

    def disable_by_operator(self, host: str, reason: str = "maintenance") -> None:
        """`openstack compute service set --disable`."""
        self._change(host, disabled=True, disabled_reason=reason)

    def enable_by_operator(self, host: str) -> None:
        """`openstack compute service set --enable`: Nova's API clears the reason too."""
        self._change(host, disabled=False, disabled_reason="")

    def enable_by_driver(self, host: str) -> None:
        """What nova's VMware driver does when vCenter is back: the reason stays behind."""
        self._change(host, disabled=False)

    def force_down(self, host: str, *, forced: bool = True) -> None:
        """`openstack compute service set --down`."""
        self._change(host, forced_down=forced)

    def remove(self, host: str) -> None:
        """`openstack compute service delete`."""
        del self._records[host]

    def hide(self, host: str, *, hidden: bool = True) -> None:
        """Its cell does not answer Nova's API, which says so."""
        if hidden:
            self._hidden.add(host)
        else:
            self._hidden.discard(host)

    def load(self, host: str) -> HostLoad:
        """What Nova has behind the host."""
        return self._loads[host]

    def set_load(self, host: str, load: HostLoad) -> None:
        """Instances came or went, builds began or hang."""
        self._loads[host] = load

    def fail(self, reason: str = "HTTP 503") -> None:
        """The API gives no usable answer."""
        self._failure = reason

    def heal(self) -> None:
        """The API answers again."""
        self._failure = None

    def _require_answer(self) -> None:
        if self._failure is not None:
            raise ProbeError(self._failure)

    def _change(self, host: str, **changes: object) -> None:
        self._beats += 1
        changed = replace(self._records[host], updated_at=f"beat-{self._beats}", **changes)  # type: ignore[arg-type]
        self._records[host] = changed


class SimulatedNova(NovaTruth):
    """The Nova of all controllers: a service is `up` for 60 s after its last heartbeat, by Nova's own clock.

    nodes: by host, its hypervisor name `<cluster moid>.<vCenter instance uuid>`.
    """

    def __init__(self, timeline: Timeline, nodes: dict[str, str], *, conductors: int = 1) -> None:
        super().__init__(*nodes, conductors=conductors)
        self._timeline = timeline
        self._beat_at_s = dict.fromkeys(nodes, -math.inf)
        self._conductors_down_since_s: float | None = None
        for host, node in nodes.items():
            self.set_load(host, HostLoad(instances=0, nodes=(node,)))

    def read_now(self) -> ServicesView:
        """All services, as old as they are now."""
        now_s = self._timeline.now_s
        for host, record in self._records.items():
            if record.up != (now_s - self._beat_at_s[host] < _DOWN_S):
                self._records[host] = replace(record, up=not record.up)
        since_s = self._conductors_down_since_s
        gone = since_s is not None and now_s - since_s >= _DOWN_S
        self.conductors_up = 0 if gone else self.conductors
        return super().read_now()

    def beat(self, host: str) -> None:
        """A heartbeat arrives. Without a conductor it is written nowhere, nor for a record that is gone."""
        if self._conductors_down_since_s is None and host in self._records:
            self._beat_at_s[host] = self._timeline.now_s
            super().beat(host)

    def end_conductors(self) -> None:
        """No conductor works any more."""
        self._conductors_down_since_s = self._timeline.now_s

    def begin_conductors(self) -> None:
        """They work again."""
        self._conductors_down_since_s = None


class NovaPort:
    """`ports.NovaServices` of one controller, through the network."""

    def __init__(
        self, controller: str, truth: NovaTruth, network: Network, *, timeout_s: float = 5.0
    ) -> None:
        self._controller = controller
        self._truth = truth
        self._network = network
        self._timeout_s = timeout_s

    async def read(self) -> ServicesView:
        """All services."""
        return await self._carry(self._truth.read_now, self._no_reading)

    async def workload(self) -> WorkloadView:
        """Hypervisors and builds."""
        return await self._carry(self._truth.workload_now, self._no_reading)

    async def enable(self, host: str, *, only_if_reason: str) -> None:
        """Enable it. It may happen although no answer comes."""
        await self._carry(
            lambda: self._truth.enable_now(host, only_if_reason),
            lambda: ResultUnknownError(f"enabling {host}: no answer"),
        )

    def _no_reading(self) -> Exception:
        return ProbeError(f"no answer within {self._timeout_s:g} s")

    async def _carry(self, apply: Callable[[], T], unanswered: Callable[[], Exception]) -> T:
        return await self._network.carry(
            self._controller, NOVA, apply, timeout_s=self._timeout_s, unanswered=unanswered
        )
