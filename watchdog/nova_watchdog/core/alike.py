"""Whether two observations of a pairing show the same, their times and Nova's heartbeats aside."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from nova_watchdog.core.model import (
    BusView,
    InventoryView,
    Observation,
    Observed,
    Pairing,
    Reading,
    ServicesView,
    Unknown,
    VCenterView,
    WorkloadView,
)

T = TypeVar("T")


def shows_the_same(pairing: Pairing, before: Observation, now: Observation) -> bool:
    """Whether the readings beside the unit's say of this pairing what they said before."""
    return (
        _same(_of_vcenter, pairing, before.vcenter, now.vcenter)
        and _same(_of_services, pairing, before.services, now.services)
        and _same(_of_bus, pairing, before.bus, now.bus)
        and _same(_of_inventory, pairing, before.inventory, now.inventory)
        and _same(_of_workload, pairing, before.workload, now.workload)
    )


def _same(
    part: Callable[[Pairing, T], object], pairing: Pairing, before: Observed[T], now: Observed[T]
) -> bool:
    if before is now:
        return True
    if isinstance(before, Reading) and isinstance(now, Reading):
        return part(pairing, before.value) == part(pairing, now.value)
    return isinstance(before, Unknown) and isinstance(now, Unknown) and before.reason == now.reason


def _of_vcenter(pairing: Pairing, view: VCenterView) -> object:
    return view.outcome, view.detail, view.instance_uuid, view.clusters.get(pairing.cluster)


def _of_services(pairing: Pairing, view: ServicesView) -> object:
    host, record = pairing.host, view.computes.get(pairing.host)
    written = record and (
        record.service_id,
        record.up,
        record.disabled,
        record.disabled_reason,
        record.forced_down,
    )
    return written, view.conductors_up, view.conductors, host in view.hidden


def _of_bus(pairing: Pairing, view: BusView) -> object:
    """How long a ping took is left out: it never is the same."""
    compute = view.computes.get(pairing.host)
    queue = compute and (compute.ping, compute.consumers, compute.queued)
    return view.outcome, view.detail, view.conductor, queue


def _of_inventory(pairing: Pairing, view: InventoryView) -> object:
    cluster = view.clusters.get(pairing.cluster)
    return cluster, view.instance_uuid, view.certificate_expires_in_s, view.sessions


def _of_workload(pairing: Pairing, view: WorkloadView) -> object:
    return view.hosts.get(pairing.host)
