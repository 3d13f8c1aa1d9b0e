"""What is not as it should be around a pairing, beside the one word of its diagnosis."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass

from nova_watchdog.core.memory import Memory
from nova_watchdog.core.model import (
    BusOutcome,
    ClusterView,
    Datastore,
    Observation,
    Pairing,
    Reading,
    Unknown,
)
from nova_watchdog.core.observed import fresh
from nova_watchdog.core.policy import Policy

# What nova's driver takes as a datastore (nova/virt/vmwareapi/ds_util.py, _is_datastore_valid).
_KINDS = frozenset({"vmfs", "nfs", "nfs41", "vsan", "vvol"})
_DAY_S = 86400.0
_FULLY_AUTOMATED = "fullyAutomated"
# oslo.vmware's transport is requests, whose user agent is "python-requests/x.y".
NOVA_USER_AGENT = "python-requests"


class Concern(enum.Enum):
    """The closed list. The first block speaks of the cluster, the second of its vCenter, then of Nova."""

    DRS_OFF = "drs-off"
    DRS_NOT_AUTOMATED = "drs-not-fully-automated"
    HOST_DISCONNECTED = "host-disconnected"
    NO_USABLE_HOST = "no-usable-host"
    DATASTORE_MISSING = "datastore-missing"
    DATASTORE_INACCESSIBLE = "datastore-inaccessible"
    DATASTORE_NOT_SHARED = "datastore-not-on-every-host"
    DATASTORE_FULL = "datastore-full"
    CERTIFICATE_EXPIRING = "certificate-expiring"
    VCENTER_IDLE = "vcenter-idle"
    BUILDS_STUCK = "builds-stuck"
    RPCS_QUEUED = "rpcs-queued"
    TWO_CONSUMERS = "two-consumers"


OF_THE_CLUSTER = frozenset(
    {
        Concern.DRS_OFF,
        Concern.DRS_NOT_AUTOMATED,
        Concern.HOST_DISCONNECTED,
        Concern.NO_USABLE_HOST,
        Concern.DATASTORE_MISSING,
        Concern.DATASTORE_INACCESSIBLE,
        Concern.DATASTORE_NOT_SHARED,
        Concern.DATASTORE_FULL,
        Concern.CERTIFICATE_EXPIRING,
    }
)


@dataclass(frozen=True, slots=True)
class Worry:
    """One concern with its words for people, for example "2 of 3 hosts are connected"."""

    concern: Concern
    detail: str


def worries_of(
    pairing: Pairing, observation: Observation, memory: Memory, policy: Policy, now_s: float
) -> tuple[Worry, ...]:
    """Everything that is shown by a fresh reading. A missing reading shows nothing."""
    found: list[Worry] = []
    inventory = fresh(observation.inventory, policy.inventory_max_age_s, now_s)
    if inventory is not None:
        cluster = inventory.clusters.get(pairing.cluster)
        if cluster is not None:
            found += _cluster(pairing, cluster, policy)
        found += _certificate(inventory.certificate_expires_in_s, policy)
        found += _sessions(observation, memory, policy, now_s)
    found += _workload(pairing, observation, policy, now_s)
    found += _bus(pairing, observation, memory, policy, now_s)
    return tuple(found)


def usable_datastores(pairing: Pairing, cluster: ClusterView) -> tuple[Datastore, ...]:
    """Those that nova-compute would take: of a kind that it knows, and with a name that its regex matches."""
    pattern = re.compile(pairing.datastore_regex or "")
    return tuple(ds for ds in cluster.datastores if ds.kind in _KINDS and pattern.match(ds.name))


def _cluster(pairing: Pairing, cluster: ClusterView, policy: Policy) -> Iterator[Worry]:
    if not cluster.drs_enabled:
        yield Worry(Concern.DRS_OFF, "DRS is off")
    elif cluster.drs_behavior != _FULLY_AUTOMATED:
        yield Worry(Concern.DRS_NOT_AUTOMATED, f"DRS is {cluster.drs_behavior}, not {_FULLY_AUTOMATED}")
    if cluster.connected < cluster.hosts:
        yield Worry(Concern.HOST_DISCONNECTED, f"{cluster.connected} of {cluster.hosts} hosts are connected")
    if cluster.connected <= cluster.in_maintenance:
        yield Worry(Concern.NO_USABLE_HOST, "no host is connected and out of maintenance mode")
    datastores = usable_datastores(pairing, cluster)
    if not datastores:
        wanted = f" matching {pairing.datastore_regex}" if pairing.datastore_regex else ""
        yield Worry(Concern.DATASTORE_MISSING, f"the cluster has no datastore{wanted}")
    for datastore in datastores:
        yield from _datastore(datastore, cluster, policy)


def _datastore(datastore: Datastore, cluster: ClusterView, policy: Policy) -> Iterator[Worry]:
    name = datastore.name
    if not datastore.accessible or datastore.in_maintenance:
        what = "in maintenance mode" if datastore.accessible else "not accessible"
        yield Worry(Concern.DATASTORE_INACCESSIBLE, f"datastore {name} is {what}")
        return
    if datastore.mounted_on < cluster.connected:
        yield Worry(
            Concern.DATASTORE_NOT_SHARED,
            f"datastore {name} is mounted on {datastore.mounted_on} of {cluster.connected} connected hosts",
        )
    if datastore.free_bytes < policy.datastore_free_min * datastore.capacity_bytes:
        percent = 100 * datastore.free_bytes / datastore.capacity_bytes
        yield Worry(Concern.DATASTORE_FULL, f"datastore {name} has {percent:.1f} % free")


def _certificate(expires_in_s: float | None, policy: Policy) -> Iterator[Worry]:
    if expires_in_s is not None and expires_in_s < policy.certificate_warn_days * _DAY_S:
        days = expires_in_s / _DAY_S
        what = f"expires in {days:.1f} days" if days > 0 else f"expired {-days:.1f} days ago"
        yield Worry(Concern.CERTIFICATE_EXPIRING, f"vCenter's certificate {what}")


def _sessions(observation: Observation, memory: Memory, policy: Policy, now_s: float) -> Iterator[Worry]:
    """Nova polls vCenter every 60 s. Only where every session of its account stands still is it silent.

    Only while the process is old enough, vCenter is fine for long enough and heartbeats arrive: when the
    control plane is cut nova-compute makes no calls to vCenter either.
    """
    seen = observation.inventory
    if isinstance(seen, Unknown) or seen.value.sessions is None or not _runs(observation):
        return
    long_enough_s = 2 * policy.vcenter_idle_s
    heartbeat_fresh = (
        memory.heartbeat_at_s is not None and now_s - memory.heartbeat_at_s <= policy.heartbeat_stale_s
    )
    if (
        not heartbeat_fresh
        or memory.vcenter_held_s < policy.vcenter_idle_s
        or now_s - memory.process_started_at_s < long_enough_s
    ):
        return
    idle_s = [one.idle_s for one in seen.value.sessions if one.user_agent.startswith(NOVA_USER_AGENT)]
    if not idle_s:
        yield Worry(Concern.VCENTER_IDLE, "nova-compute has no session at vCenter")
    elif min(idle_s) > policy.vcenter_idle_s:
        yield Worry(Concern.VCENTER_IDLE, f"no call to vCenter in nova's account for {min(idle_s):.0f} s")


def _runs(observation: Observation) -> bool:
    return isinstance(observation.unit, Reading) and observation.unit.value.runs


def _workload(pairing: Pairing, observation: Observation, policy: Policy, now_s: float) -> Iterator[Worry]:
    view = fresh(observation.workload, policy.workload_max_age_s, now_s)
    load = view.hosts.get(pairing.host) if view else None
    stuck = [age_s for age_s in load.builds_s if age_s >= policy.build_stuck_s] if load else []
    if stuck:
        yield Worry(
            Concern.BUILDS_STUCK,
            f"{len(stuck)} in BUILD without a change, the oldest for {max(stuck) / 60:.0f} min",
        )


def _bus(
    pairing: Pairing, observation: Observation, memory: Memory, policy: Policy, now_s: float
) -> Iterator[Worry]:
    view = fresh(observation.bus, policy.bus_max_age_s, now_s)
    if view is None or view.outcome is not BusOutcome.OK or pairing.host not in view.computes:
        return
    compute = view.computes[pairing.host]
    if (compute.queued or 0) >= policy.queued_rpcs:
        yield Worry(Concern.RPCS_QUEUED, f"{compute.queued} RPCs wait in its queue")
    if memory.two_consumers_held_s >= policy.two_consumers_hold_s:
        yield Worry(
            Concern.TWO_CONSUMERS,
            f"{compute.consumers} consumers on its queue for {memory.two_consumers_held_s:.0f} s: "
            "does another nova-compute run under the same host?",
        )
