"""A Nova with service records that beat, age, are disabled and enabled."""

from __future__ import annotations

from dataclasses import replace

from nova_watchdog.core.model import (
    DRIVER_DISABLED_REASON,
    HostLoad,
    ServiceRecord,
    ServicesView,
    WorkloadView,
)
from nova_watchdog.ports import ActionRefusedError, ProbeError, ResultUnknownError


class FakeNova:
    """`ports.NovaServices`. `enabled` lists the hosts that this port enabled."""

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
        self._answers_changes = True
        self.conductors = conductors
        self.conductors_up = conductors
        self.enabled: list[str] = []
        self.reads = 0

    # --- the port

    async def read(self) -> ServicesView:
        self.reads += 1
        if self._failure is not None:
            raise ProbeError(self._failure)
        computes = {host: record for host, record in self._records.items() if host not in self._hidden}
        return ServicesView(computes, self.conductors_up, self.conductors, frozenset(self._hidden))

    async def workload(self) -> WorkloadView:
        if self._failure is not None:
            raise ProbeError(self._failure)
        return WorkloadView(dict(self._loads))

    async def enable(self, host: str, *, only_if_reason: str) -> None:
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
        if not self._answers_changes:
            raise ResultUnknownError(f"enabling {host}: no answer")

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
        self._answers_changes = True

    def lose_answers(self) -> None:
        """Changes are carried out, but their answers never arrive."""
        self._answers_changes = False

    def _change(self, host: str, **changes: object) -> None:
        self._beats += 1
        changed = replace(self._records[host], updated_at=f"beat-{self._beats}", **changes)  # type: ignore[arg-type]
        self._records[host] = changed
