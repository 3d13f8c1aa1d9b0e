"""What the readings of one pairing say, as small enums: the columns of the diagnosis table."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from nova_watchdog.core.concerns import OF_THE_CLUSTER, Worry
from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.hold.holding import Holding
from nova_watchdog.core.memory import Memory
from nova_watchdog.core.model import (
    DRIVER_DISABLED_REASON,
    Answer,
    BusOutcome,
    LoadState,
    Observation,
    Pairing,
    Reading,
    ServiceRecord,
    StopCause,
    UnitState,
    Unknown,
    VCenterOutcome,
    VCenterView,
)
from nova_watchdog.core.observed import fresh
from nova_watchdog.core.policy import Policy
from nova_watchdog.core.state import PairingState


class UnitFact(enum.Enum):
    """The systemd unit."""

    UNKNOWN = "unknown"
    MISSING = "missing"  # not found, masked, or not loadable
    CHANGING = "changing"  # systemd is at it: a job is pending, or it is between two states
    STOPPED = "stopped"  # ended by somebody else's job, or a clean end nobody saw
    DOWN = "down"  # no process and nothing under way
    UP = "up"


class VCenterFact(enum.Enum):
    """The canary of the vCenter behind the pairing."""

    UNKNOWN = "unknown"
    UNREACHABLE = "unreachable"
    LOGIN_REFUSED = "login-refused"
    CLUSTER_GONE = "cluster-gone"
    OK_EARLIER = "ok-earlier"  # passed, but before the process ended: proves nothing for a start
    OK = "ok"


class NovaFact(enum.Enum):
    """What Nova's API tells."""

    UNREAD = "unread"  # not read yet since the daemon started
    BLIND = "blind"  # the API gives no answer
    CELL_DOWN = "cell-down"  # the API answers and cannot read this host's cell
    CONDUCTORS_DOWN = "conductors-down"
    NO_RECORD = "no-record"
    KNOWN = "known"


class BusFact(enum.Enum):
    """Our own publish and consume at the message bus."""

    UNKNOWN = "unknown"
    DOWN = "down"  # unreachable, or the account is refused
    BLOCKED = "blocked"  # the broker lets nobody publish
    OK = "ok"


class RpcFact(enum.Enum):
    """Pings over a proven bus."""

    UNKNOWN = "unknown"  # not asked, or not for long enough to tell
    CONDUCTOR_SILENT = "conductor-silent"
    UNANSWERED = "unanswered"  # for `hang_hold_s`, while a conductor answered each time
    ANSWERED = "answered"


class Quality(enum.Enum):
    """The worst of the concerns."""

    FINE = "fine"
    DEGRADED = "degraded"
    CLUSTER_DEGRADED = "cluster-degraded"


class HeartbeatFact(enum.Enum):
    """Nova's heartbeat, by local receipt of its changes, since the process began."""

    UNSEEN = "unseen"  # this daemon has not watched long enough to tell
    AWAITED = "awaited"  # none yet from this process, and it may still be starting
    FRESH = "fresh"
    STALE = "stale"
    ELSEWHERE = "elsewhere"  # the record advances while the process here is down


class ServiceFact(enum.Enum):
    """Whether Nova may use the service."""

    ENABLED = "enabled"
    AUTO_DISABLED = "auto-disabled"  # by the driver, which may enable it again itself
    STUCK_DISABLED = "stuck-disabled"  # by the driver, and nobody will enable it
    DISABLED = "disabled"  # by an operator
    FORCED_DOWN = "forced-down"


class HoldFact(enum.Enum):
    """Whether this controller holds the pairing."""

    ALONE = "alone"  # no other controller shares it
    HELD = "held"
    STANDBY = "standby"  # another controller holds it, or is about to
    NOT_HELD = "not-held"  # nobody does, or the store does not tell


@dataclass(frozen=True, slots=True)
class Facts:
    """One row of facts: the situation of the diagnosis table."""

    unit: UnitFact
    vcenter: VCenterFact
    nova: NovaFact
    heartbeat: HeartbeatFact
    service: ServiceFact
    bus: BusFact
    rpc: RpcFact
    quality: Quality
    hold: HoldFact


def facts_of(  # noqa: PLR0913, PLR0917 - everything that facts depend on
    pairing: Pairing,
    state: PairingState,
    observation: Observation,
    memory: Memory,
    worries: Sequence[Worry],
    policy: Policy,
    now_s: float,
    holding: Holding | None = None,
    *,
    still_starts: bool = False,
) -> Facts:
    """Reduce the readings, and what worries them, to facts. A reading that is too old is Unknown.

    holding: None where the pairing is this controller's alone. still_starts: its calls to vCenter show that
    it has not come to the end of its start (`core/sessions.py`).
    """
    unit = observation.unit.value if isinstance(observation.unit, Reading) else None
    record = service_record(pairing, observation)
    return Facts(
        unit=_unit_fact(unit, memory, holding, seen_running=state.seen_running),
        vcenter=_vcenter_fact(pairing, observation, policy, now_s, holding),
        nova=_nova_fact(pairing, observation, memory, record, policy, now_s),
        heartbeat=_heartbeat_fact(unit, memory, policy, now_s, holding),
        service=_service_fact(record, state, memory, policy, now_s),
        bus=_bus_fact(observation, policy, now_s),
        rpc=_rpc_fact(pairing, observation, memory, policy, now_s, still_starts=still_starts),
        quality=_quality(worries),
        hold=_hold_fact(holding),
    )


def service_record(pairing: Pairing, observation: Observation) -> ServiceRecord | None:
    """Nova's record of the pairing's service, None where Nova has none or gives no answer."""
    if isinstance(observation.services, Unknown):
        return None
    return observation.services.value.computes.get(pairing.host)


def _hold_fact(holding: Holding | None) -> HoldFact:
    if holding is None or holding.claim is Claim.NOBODY:
        return HoldFact.ALONE
    if holding.claim is Claim.MINE:
        return HoldFact.HELD
    return HoldFact.STANDBY if holding.claim in (Claim.HELD, Claim.RESERVED) else HoldFact.NOT_HELD


def _unit_fact(
    unit: UnitState | None, memory: Memory, holding: Holding | None, *, seen_running: bool
) -> UnitFact:
    if unit is None:
        return UnitFact.UNKNOWN
    if unit.load is not LoadState.LOADED:
        return UnitFact.MISSING
    if unit.is_down:
        forgotten = unit.stop_cause is StopCause.NEVER_RAN and seen_running
        stopped = forgotten or unit.stop_cause is StopCause.FOREIGN_JOB
        if holding is not None:
            # Only under its own hold: else the deadline stopped it, or the keeper.
            stopped = (
                stopped
                and holding.claim is Claim.MINE
                and holding.covers(memory.process_ended_at_s if forgotten else unit.changed_at_s)
            )
        return UnitFact.STOPPED if stopped else UnitFact.DOWN
    return UnitFact.UP if unit.runs else UnitFact.CHANGING


def _vcenter_fact(
    pairing: Pairing, observation: Observation, policy: Policy, now_s: float, holding: Holding | None
) -> VCenterFact:
    view = fresh(observation.vcenter, policy.vcenter_max_age_s, now_s)
    if view is None or isinstance(observation.vcenter, Unknown):
        return VCenterFact.UNKNOWN
    if view.outcome is VCenterOutcome.UNREACHABLE:
        return VCenterFact.UNREACHABLE
    if view.outcome is VCenterOutcome.LOGIN_REFUSED:
        return VCenterFact.LOGIN_REFUSED
    if pairing.cluster not in view.clusters or _is_another_cluster(pairing, observation, view):
        return VCenterFact.CLUSTER_GONE
    if isinstance(observation.unit, Reading):
        unit = observation.unit.value
        # Of what was taken over the end is that of the last holder's, elsewhere.
        ended_s = max(unit.changed_at_s, (holding.dead_since_s or 0.0) if holding else 0.0)
        if unit.is_down and observation.vcenter.began_at_s < ended_s:
            return VCenterFact.OK_EARLIER
    return VCenterFact.OK


def _is_another_cluster(pairing: Pairing, observation: Observation, view: VCenterView) -> bool:
    """Whether Nova knows the pairing by another moid or vCenter than the cluster of that name has.

    Its hypervisor name is `<moid>.<instance uuid>` (nova/virt/vmwareapi/driver.py, _create_nodename).
    An old answer is as good as a new one: the name is for life.
    """
    if isinstance(observation.workload, Unknown):
        return False
    load = observation.workload.value.hosts.get(pairing.host)
    node = f"{view.clusters[pairing.cluster]}.{view.instance_uuid}"
    return load is not None and bool(load.nodes) and node not in load.nodes


def _bus_fact(observation: Observation, policy: Policy, now_s: float) -> BusFact:
    view = fresh(observation.bus, policy.bus_max_age_s, now_s)
    if view is None:
        return BusFact.UNKNOWN
    if view.outcome is BusOutcome.BLOCKED:
        return BusFact.BLOCKED
    return BusFact.OK if view.outcome is BusOutcome.OK else BusFact.DOWN


def _rpc_fact(
    pairing: Pairing,
    observation: Observation,
    memory: Memory,
    policy: Policy,
    now_s: float,
    *,
    still_starts: bool,
) -> RpcFact:
    view = fresh(observation.bus, policy.bus_max_age_s, now_s)
    if view is None or view.outcome is not BusOutcome.OK:
        return RpcFact.UNKNOWN
    if memory.conductor_silent_held_s >= policy.conductor_hold_s:
        return RpcFact.CONDUCTOR_SILENT
    compute = view.computes.get(pairing.host)
    if compute is not None and compute.ping is Answer.ANSWERED:
        return RpcFact.ANSWERED
    # nova-compute answers nothing before it has walked over its instances (nova/service.py, `start`).
    if memory.unanswered_held_s < policy.hang_hold_s or still_starts:
        return RpcFact.UNKNOWN
    return RpcFact.UNANSWERED


def _quality(worries: Sequence[Worry]) -> Quality:
    concerns = {worry.concern for worry in worries}
    if concerns & OF_THE_CLUSTER:
        return Quality.CLUSTER_DEGRADED
    return Quality.DEGRADED if concerns else Quality.FINE


def _nova_fact(
    pairing: Pairing,
    observation: Observation,
    memory: Memory,
    record: ServiceRecord | None,
    policy: Policy,
    now_s: float,
) -> NovaFact:
    view = fresh(observation.services, policy.services_max_age_s, now_s)
    if view is None:
        # The first answer may take its time; after that, silence is blindness.
        waited_s = now_s - memory.watching_since_s
        unread = memory.services_read_at_s is None and waited_s < policy.services_max_age_s
        return NovaFact.UNREAD if unread else NovaFact.BLIND
    if view.conductors and not view.conductors_up:
        return NovaFact.CONDUCTORS_DOWN
    if record:
        return NovaFact.KNOWN
    # A cell that does not answer: Nova says so (2.69), or leaves its records out.
    return NovaFact.CELL_DOWN if pairing.host in view.hidden or memory.record_seen else NovaFact.NO_RECORD


def _heartbeat_fact(
    unit: UnitState | None, memory: Memory, policy: Policy, now_s: float, holding: Holding | None
) -> HeartbeatFact:
    if unit is not None and unit.is_down and memory.elsewhere_at_s is not None and _counts(memory, holding):
        age_s = now_s - memory.elsewhere_at_s
        if age_s <= policy.heartbeat_stale_s:
            return HeartbeatFact.ELSEWHERE
    if memory.heartbeat_at_s is not None:
        age_s = now_s - memory.heartbeat_at_s
        return HeartbeatFact.FRESH if age_s <= policy.heartbeat_stale_s else HeartbeatFact.STALE
    first_read_s = memory.services_read_at_s
    watched = first_read_s is not None and now_s - first_read_s > policy.heartbeat_stale_s
    if not (memory.start_seen or watched):
        return HeartbeatFact.UNSEEN
    if now_s - memory.process_started_at_s <= policy.start_cap_s:
        return HeartbeatFact.AWAITED
    return HeartbeatFact.STALE


def _counts(memory: Memory, holding: Holding | None) -> bool:
    """Whether a report from elsewhere shows that somebody runs it *now*: the last holder reported too."""
    if holding is None or holding.claim is not Claim.MINE or holding.dead_since_s is None:
        return True
    return memory.elsewhere_after_s >= holding.dead_since_s


def _service_fact(
    record: ServiceRecord | None, state: PairingState, memory: Memory, policy: Policy, now_s: float
) -> ServiceFact:
    if record is None:
        return ServiceFact.ENABLED
    if record.forced_down:
        return ServiceFact.FORCED_DOWN
    if not record.disabled:
        return ServiceFact.ENABLED
    if state.operator_disabled or record.disabled_reason != DRIVER_DISABLED_REASON:
        return ServiceFact.DISABLED
    return ServiceFact.STUCK_DISABLED if _is_stuck(memory, policy, now_s) else ServiceFact.AUTO_DISABLED


def _is_stuck(memory: Memory, policy: Policy, now_s: float) -> bool:
    """Whether the driver will not enable the service it disabled.

    The driver remembers its own disable in memory alone: a process that began after the disable
    was seen can never take it back. Otherwise it gets `stuck_disabled_hold_s` of a good vCenter.
    """
    if memory.vcenter_ok_since_s is None or memory.auto_disabled_since_s is None:
        return False
    ok_for_s = memory.vcenter_held_s
    if memory.auto_disabled_since_s < memory.process_started_at_s:
        return ok_for_s >= policy.settle_s
    held_for_s = min(ok_for_s, now_s - memory.auto_disabled_since_s)
    return held_for_s >= policy.stuck_disabled_hold_s
