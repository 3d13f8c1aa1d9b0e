"""The families of what lies behind a pairing: Nova's load, the message bus, the cluster, the vCenter.

A number is NaN while the reading that it comes from is unknown.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from nova_watchdog.core.concerns import usable_datastores
from nova_watchdog.core.facts import BusFact
from nova_watchdog.core.model import ClusterView, ComputeOnBus, HostLoad, InventoryView, Unknown
from nova_watchdog.core.snapshot import PairingSnapshot
from nova_watchdog.telemetry import derived
from nova_watchdog.telemetry.family import (
    Family,
    Kind,
    Samples,
    Scrape,
    per_pairing,
    shared_state_set,
    shared_value,
    state_set,
    words,
)

VCENTER_STATES = ("unknown", "unreachable", "login-refused", "ok")
# vSphere's own words for DRS' automation, and what else it can be.
_DRS = {
    "manual": "manual",
    "partiallyAutomated": "partially-automated",
    "fullyAutomated": "fully-automated",
}
DRS_STATES = ("unknown", "off", *_DRS.values(), "other")

_Value = Callable[[Scrape], Samples]


def _vcenter_word(shown: PairingSnapshot) -> str:
    """A cluster that is gone, or a canary from before the process ended, says nothing against vCenter."""
    word = shown.decision.facts.vcenter.value
    return word if word in VCENTER_STATES else "ok"


def _drs_word(shown: PairingSnapshot) -> str:
    cluster = derived.cluster_of(shown)
    if cluster is None:
        return "unknown"
    return _DRS.get(cluster.drs_behavior, "other") if cluster.drs_enabled else "off"


def _load(value: Callable[[HostLoad], float]) -> _Value:
    def found(_: Scrape, shown: PairingSnapshot) -> float | None:
        load = derived.load_of(shown)
        return None if load is None else value(load)

    return per_pairing(math.nan, found)


def _on_bus(value: Callable[[ComputeOnBus], float | None]) -> _Value:
    def found(_: Scrape, shown: PairingSnapshot) -> float | None:
        compute = derived.on_bus(shown)
        return None if compute is None else value(compute)

    return per_pairing(math.nan, found)


def _cluster(value: Callable[[ClusterView], float]) -> _Value:
    def found(_: Scrape, shown: PairingSnapshot) -> float | None:
        cluster = derived.cluster_of(shown)
        return None if cluster is None else value(cluster)

    return per_pairing(math.nan, found)


def _datastores(_: Scrape, shown: PairingSnapshot) -> float | None:
    ratios = _free_ratios(shown)
    return None if ratios is None else len(ratios)


def _least_free(_: Scrape, shown: PairingSnapshot) -> float | None:
    return min(_free_ratios(shown) or (), default=None)


def _free_ratios(shown: PairingSnapshot) -> list[float] | None:
    """The free part of each datastore that nova-compute could use now."""
    cluster = derived.cluster_of(shown)
    if cluster is None:
        return None
    return [
        one.free_bytes / one.capacity_bytes if one.capacity_bytes else 0.0
        for one in usable_datastores(shown.pairing, cluster)
        if one.accessible and not one.in_maintenance
    ]


def _certificate_ends(scrape: Scrape, shown: PairingSnapshot) -> float | None:
    seen = shown.observation.inventory
    if isinstance(seen, Unknown) or seen.value.certificate_expires_in_s is None:
        return None
    # To the second: each reading measures it anew.
    return float(
        round(derived.wall_of(scrape.snapshot, seen.ended_at_s) + seen.value.certificate_expires_in_s)
    )


def _sessions(_: Scrape, shown: PairingSnapshot) -> float | None:
    seen = shown.observation.inventory
    view: InventoryView | None = None if isinstance(seen, Unknown) else seen.value
    return None if view is None or view.sessions is None else len(view.sessions)


def _of_vcenter(value: Callable[[Scrape, PairingSnapshot], float | None]) -> _Value:
    return shared_value(lambda scrape: scrape.vcenters, value)


BEHIND_A_PAIRING: tuple[Family, ...] = (
    Family(
        "nova_watchdog_pairing_instances",
        Kind.GAUGE,
        ("pairing",),
        "Instances that Nova has behind the pairing; NaN also while Nova has no hypervisor of it.",
        _load(lambda load: load.instances),
    ),
    Family(
        "nova_watchdog_pairing_builds",
        Kind.GAUGE,
        ("pairing",),
        "Its instances in BUILD.",
        _load(lambda load: len(load.builds_s)),
    ),
    Family(
        "nova_watchdog_pairing_build_longest_seconds",
        Kind.GAUGE,
        ("pairing",),
        "How long the oldest of its instances in BUILD has been there without a change, by Nova's clock; 0 "
        "without any.",
        _load(lambda load: max(load.builds_s, default=0.0)),
    ),
    Family(
        "nova_watchdog_pairing_queue_consumers",
        Kind.GAUGE,
        ("pairing",),
        "Consumers of its RPC queue `compute.<host>`: 1 is right, 0 nobody, 2 or more for minutes that "
        "another nova-compute runs under the same host. NaN also where there is no such queue.",
        _on_bus(lambda compute: compute.consumers),
    ),
    Family(
        "nova_watchdog_pairing_queued_rpcs",
        Kind.GAUGE,
        ("pairing",),
        "RPCs that wait in that queue.",
        _on_bus(lambda compute: compute.queued),
    ),
    Family(
        "nova_watchdog_pairing_rpc_ping_duration_seconds",
        Kind.GAUGE,
        ("pairing",),
        "How long nova-compute's last answer to a ping took; NaN while it does not answer.",
        _on_bus(lambda compute: compute.took_s),
    ),
    Family(
        "nova_watchdog_pairing_cluster_hosts",
        Kind.GAUGE,
        ("pairing",),
        "Hosts of the vSphere cluster.",
        _cluster(lambda cluster: cluster.hosts),
    ),
    Family(
        "nova_watchdog_pairing_cluster_hosts_connected",
        Kind.GAUGE,
        ("pairing",),
        "Those that vCenter manages now, in maintenance mode or not.",
        _cluster(lambda cluster: cluster.connected),
    ),
    Family(
        "nova_watchdog_pairing_cluster_hosts_in_maintenance",
        Kind.GAUGE,
        ("pairing",),
        "Those in maintenance mode.",
        _cluster(lambda cluster: cluster.in_maintenance),
    ),
    Family(
        "nova_watchdog_pairing_cluster_drs_state",
        Kind.GAUGE,
        ("pairing", "state"),
        "DRS of the cluster: 1 for the state that holds. Nova wants fully-automated; other: a word that "
        "vSphere did not have when this was written.",
        state_set(DRS_STATES, "unknown", _drs_word),
    ),
    Family(
        "nova_watchdog_pairing_cluster_datastores_usable",
        Kind.GAUGE,
        ("pairing",),
        "Datastores of the cluster that nova-compute can use: of a kind that it knows, with a name that "
        "datastore_regex matches, accessible, not in maintenance mode.",
        per_pairing(math.nan, _datastores),
    ),
    Family(
        "nova_watchdog_pairing_cluster_datastore_free_ratio_min",
        Kind.GAUGE,
        ("pairing",),
        "The free part of the fullest of these, 0 to 1; NaN also without any.",
        per_pairing(math.nan, _least_free),
    ),
    Family(
        "nova_watchdog_vcenter_state",
        Kind.GAUGE,
        ("vcenter", "state"),
        "The vCenter as this controller sees it, whatever its clusters: 1 for the state that holds.",
        shared_state_set(lambda scrape: scrape.vcenters, VCENTER_STATES, derived.UNKNOWN, _vcenter_word),
    ),
    Family(
        "nova_watchdog_vcenter_certificate_expiry_timestamp_seconds",
        Kind.GAUGE,
        ("vcenter",),
        "Unix time at which the vCenter's certificate expires; NaN also without TLS.",
        _of_vcenter(_certificate_ends),
    ),
    Family(
        "nova_watchdog_vcenter_nova_sessions",
        Kind.GAUGE,
        ("vcenter",),
        "Sessions of nova's account at the vCenter, this daemon's own left out; NaN also without the "
        "privilege to list them (Sessions.TerminateSession).",
        _of_vcenter(_sessions),
    ),
    Family(
        "nova_watchdog_bus_state",
        Kind.GAUGE,
        ("bus", "state"),
        "The message bus as this controller sees it: 1 for the state that holds.",
        shared_state_set(
            lambda scrape: scrape.buses,
            words(BusFact),
            BusFact.UNKNOWN.value,
            lambda p: p.decision.facts.bus.value,
        ),
    ),
)
