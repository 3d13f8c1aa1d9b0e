"""What each fault of the lab must be called, how soon, and whom it wakes: all of the lab's registry."""

from __future__ import annotations

from dataclasses import dataclass, field

# What a nova-compute shows while it recovers, or while a verdict forms; none of it is a wrong verdict.
RECOVERING = frozenset({"starting", "process-down", "changing", "unknown", "not-reporting", "auto-disabled"})


@dataclass(frozen=True)
class Case:
    """One fault.

    says: the diagnosis; empty: nothing must be said, for `lasts_s`.
    within_s: the stated time from the fault to the diagnosis.
    passing: what may be said besides, on the way there or back.
    pages: alerts that page, each exactly once; `may_page`: those that may.
    shared: it hits every pairing. acts: what the daemon may do, by rule.
    """

    fault: str
    says: str = ""
    within_s: float = 0.0
    passing: frozenset[str] = frozenset()
    pages: frozenset[str] = frozenset()
    may_page: frozenset[str] = frozenset()
    acts: frozenset[str] = frozenset()
    shared: bool = False
    of_pairing: bool = False
    lasts_s: float = 25.0
    arguments: dict[str, str] = field(default_factory=dict)


def of_cluster(fault: str, says: str = "cluster-degraded", page: str = "ClusterDegraded") -> Case:
    """Something about one cluster: told by its inventory, which the lab reads every 5 s."""
    return Case(fault, says, 15.0, pages=frozenset({page}), of_pairing=True)


def of_vcenter(fault: str, says: str, page: str, within_s: float = 15.0) -> Case:
    """Something about the vCenter of both pairings."""
    passing = frozenset({"vcenter-down"}) | RECOVERING
    # The lab's outages follow each other faster than a vCenter's own: flapping is what that is called.
    flapping = frozenset({"VCenterFlapping"})
    return Case(fault, says, within_s, passing, frozenset({page}), flapping, shared=True)


def of_control_plane(
    fault: str, says: str, page: str, within_s: float, *passing: str, may_page: frozenset[str] = frozenset()
) -> Case:
    """Something that every nova-compute depends on."""
    words = RECOVERING | frozenset(passing)
    return Case(fault, says, within_s, words, frozenset({page}), may_page, shared=True)


_HANG_WORDS = RECOVERING | {"process-hung", "unresponsive"}

# Each round injects its faults together: one for each pairing, or one for all.
ROUNDS: tuple[tuple[Case, ...], ...] = (
    (
        Case(
            "kill",
            "process-down",
            2.0,
            RECOVERING,
            pages=frozenset({"WatchdogActed"}),
            acts=frozenset({"R39"}),
            of_pairing=True,
        ),
        Case(
            "service-disabled",
            "disabled-by-operator",
            10.0,
            pages=frozenset({"DisabledByOperator"}),
            of_pairing=True,
        ),
    ),
    (
        # 45 s until a heartbeat counts as stale, 60 s of unanswered pings, and readings that say so twice.
        Case(
            "stop-process",
            "process-hung",
            90.0,
            _HANG_WORDS,
            pages=frozenset({"WatchdogActed"}),
            may_page=frozenset({"NotReporting", "ProcessHung", "PairingDown"}),
            acts=frozenset({"R57", "R39"}),
            of_pairing=True,
        ),
        of_cluster("drs-off"),
    ),
    (
        # It answers one ping in ten or none: slow, and alive.
        Case(
            "slow-compute",
            "",
            0.0,
            frozenset({"unresponsive"}),
            may_page=frozenset({"PairingDegraded"}),
            of_pairing=True,
            lasts_s=60.0,
        ),
        Case("forced-down", "forced-down", 10.0, pages=frozenset({"DisabledByOperator"}), of_pairing=True),
    ),
    (of_cluster("drs-manual"), of_cluster("host-disconnected")),
    (of_cluster("datastore-full"), of_cluster("datastore-not-shared")),
    (Case("host-maintenance", of_pairing=True), of_cluster("datastore-lost")),
    (
        Case("nova-conf-broken", of_pairing=True),
        of_cluster("cluster-gone", "cluster-gone", "ClusterGone"),
    ),
    (of_cluster("cluster-recreated", "cluster-gone", "ClusterGone"),),
    (of_vcenter("vcenter-refused", "vcenter-down", "VCenterDown"),),
    (of_vcenter("vcenter-silent", "vcenter-down", "VCenterDown"),),
    (of_vcenter("vcenter-503", "vcenter-down", "VCenterDown"),),
    (of_vcenter("vcenter-cert-expired", "vcenter-down", "VCenterDown"),),
    (of_vcenter("vcenter-cert-expiring", "cluster-degraded", "VCenterCertificateExpiry"),),
    (Case("vcenter-slow", shared=True),),
    (Case("vcenter-drop-sessions", shared=True),),
    (Case("vcenter-no-session-privilege", shared=True),),
    (Case("vcenter-wrong-password", shared=True),),
    (of_control_plane("nova-api-stopped", "control-plane-blind", "ControlPlaneBlind", 30.0),),
    # Nova's API remembers a token that it has checked: it goes on answering, for five minutes by default.
    (
        Case(
            "keystone-stopped",
            passing=frozenset({"control-plane-blind"}),
            may_page=frozenset({"ControlPlaneBlind"}),
            shared=True,
        ),
    ),
    (of_control_plane("conductor-stopped", "conductors-down", "ConductorsDown", 45.0),),
    (of_control_plane("conductor-frozen", "conductors-down", "ConductorsDown", 45.0),),
    (of_control_plane("rabbitmq-stopped", "bus-down", "BusDown", 15.0, "conductors-down"),),
    (of_control_plane("rabbitmq-memory-alarm", "bus-blocked", "BusDown", 15.0, "conductors-down"),),
    (of_control_plane("rabbitmq-disk-alarm", "bus-blocked", "BusDown", 15.0, "conductors-down"),),
    # The lab's fault restarts Nova's API twice. Where that takes 8 s, the pager at 15 times the pace takes it
    # for the two minutes without an answer that ControlPlaneBlind is about.
    (
        of_control_plane(
            *("cell-down", "cell-down", "PairingDown", 30.0, "control-plane-blind"),
            may_page=frozenset({"ControlPlaneBlind"}),
        ),
    ),
)
