"""From facts to one word: what is wrong with a pairing, and which readings show it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from nova_watchdog.core.facts import (
    BusFact,
    Facts,
    HeartbeatFact,
    HoldFact,
    NovaFact,
    Quality,
    RpcFact,
    ServiceFact,
    UnitFact,
    VCenterFact,
)
from nova_watchdog.core.table import When, first_match, when


class Diagnosis(enum.Enum):
    """The closed list of what can be wrong with a pairing."""

    HEALTHY = "healthy"
    UNKNOWN = "unknown"
    STARTING = "starting"
    CHANGING = "changing"
    UNIT_MISSING = "unit-missing"
    STOPPED_ON_PURPOSE = "stopped-on-purpose"
    WAITING_FOR_DEPENDENCY = "waiting-for-dependency"
    PROCESS_DOWN = "process-down"
    RUNNING_ELSEWHERE = "running-elsewhere"
    STANDBY = "standby"
    NOT_HELD = "not-held"
    VCENTER_DOWN = "vcenter-down"
    VCENTER_LOGIN_REFUSED = "vcenter-login-refused"
    CLUSTER_GONE = "cluster-gone"
    BUS_DOWN = "bus-down"
    BUS_BLOCKED = "bus-blocked"
    CONDUCTORS_DOWN = "conductors-down"
    CELL_DOWN = "cell-down"
    CONTROL_PLANE_BLIND = "control-plane-blind"
    PROCESS_HUNG = "process-hung"
    UNRESPONSIVE = "unresponsive"
    NOT_REPORTING = "not-reporting"
    FORCED_DOWN = "forced-down"
    STUCK_DISABLED = "stuck-disabled"
    AUTO_DISABLED = "auto-disabled"
    DISABLED_BY_OPERATOR = "disabled-by-operator"
    CLUSTER_DEGRADED = "cluster-degraded"
    DEGRADED = "degraded"


class Condition(enum.Enum):
    """What a diagnosis means for those who want to use the cluster. In the order of `check`'s exit codes."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"  # works, or an operator wants it so
    FAILED = "failed"  # nothing can be provisioned or managed there
    UNKNOWN = "unknown"


_CONDITIONS = {
    Diagnosis.HEALTHY: Condition.HEALTHY,
    Diagnosis.STANDBY: Condition.HEALTHY,
    Diagnosis.UNKNOWN: Condition.UNKNOWN,
    Diagnosis.CONTROL_PLANE_BLIND: Condition.UNKNOWN,
    **dict.fromkeys(
        (
            Diagnosis.STARTING,
            Diagnosis.CHANGING,
            Diagnosis.RUNNING_ELSEWHERE,
            Diagnosis.UNRESPONSIVE,
            Diagnosis.FORCED_DOWN,
            Diagnosis.DISABLED_BY_OPERATOR,
            Diagnosis.CLUSTER_DEGRADED,
            Diagnosis.DEGRADED,
        ),
        Condition.DEGRADED,
    ),
}


def condition_of(diagnosis: Diagnosis) -> Condition:
    """The condition that a diagnosis stands for: failed, unless the table says better."""
    return _CONDITIONS.get(diagnosis, Condition.FAILED)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the diagnosis table. `shown_by` names the facts that show it, for people."""

    number: str
    when: When
    diagnosis: Diagnosis
    shown_by: str


_DEPENDENCY_BAD = (VCenterFact.UNREACHABLE, VCenterFact.LOGIN_REFUSED, VCenterFact.CLUSTER_GONE)

_OURS = (HoldFact.ALONE, HoldFact.HELD)

# First match wins. Rows from D20 on speak of a unit with a process.
TABLE: tuple[Row, ...] = (
    Row("D01", when(unit=UnitFact.UNKNOWN), Diagnosis.UNKNOWN, "systemd does not answer"),
    Row("D02", when(unit=UnitFact.MISSING), Diagnosis.UNIT_MISSING, "the unit is not loadable"),
    Row("D03", when(unit=UnitFact.CHANGING), Diagnosis.CHANGING, "systemd is working on the unit"),
    Row(
        "D04",
        when(unit=(UnitFact.STOPPED, UnitFact.DOWN), heartbeat=HeartbeatFact.ELSEWHERE, hold=_OURS),
        Diagnosis.RUNNING_ELSEWHERE,
        "no process here, and Nova gets reports of this host",
    ),
    Row(
        "D05",
        when(unit=UnitFact.STOPPED, hold=_OURS),
        Diagnosis.STOPPED_ON_PURPOSE,
        "the unit was stopped by a job that is not ours",
    ),
    Row(
        "D06",
        when(unit=UnitFact.DOWN, vcenter=_DEPENDENCY_BAD, hold=_OURS),
        Diagnosis.WAITING_FOR_DEPENDENCY,
        "no process, and vCenter would not let it start",
    ),
    Row(
        "D07",
        when(unit=UnitFact.DOWN, nova=NovaFact.CONDUCTORS_DOWN, hold=_OURS),
        Diagnosis.WAITING_FOR_DEPENDENCY,
        "no process, and no conductor is up",
    ),
    Row(
        "D08",
        when(unit=UnitFact.DOWN, bus=(BusFact.DOWN, BusFact.BLOCKED), hold=_OURS),
        Diagnosis.WAITING_FOR_DEPENDENCY,
        "no process, and the message bus is away",
    ),
    Row(
        "D09",
        when(unit=UnitFact.DOWN, rpc=RpcFact.CONDUCTOR_SILENT, hold=_OURS),
        Diagnosis.WAITING_FOR_DEPENDENCY,
        "no process, and no conductor answers",
    ),
    Row("D10", when(unit=UnitFact.DOWN, hold=_OURS), Diagnosis.PROCESS_DOWN, "no process"),
    Row(
        "D11",
        when(unit=(UnitFact.STOPPED, UnitFact.DOWN), hold=HoldFact.STANDBY),
        Diagnosis.STANDBY,
        "no process here, and another controller holds the pairing",
    ),
    Row(
        "D12",
        when(unit=(UnitFact.STOPPED, UnitFact.DOWN), hold=HoldFact.NOT_HELD),
        Diagnosis.NOT_HELD,
        "no process here, and nobody is known to hold the pairing",
    ),
    Row(
        "D20",
        when(vcenter=VCenterFact.UNKNOWN),
        Diagnosis.UNKNOWN,
        "the vCenter canary could not tell",
    ),
    Row(
        "D21",
        when(vcenter=VCenterFact.LOGIN_REFUSED),
        Diagnosis.VCENTER_LOGIN_REFUSED,
        "vCenter refuses the account",
    ),
    Row(
        "D22",
        when(vcenter=VCenterFact.UNREACHABLE),
        Diagnosis.VCENTER_DOWN,
        "the vCenter canary fails while nova-compute runs",
    ),
    Row(
        "D23",
        when(vcenter=VCenterFact.CLUSTER_GONE),
        Diagnosis.CLUSTER_GONE,
        "vCenter answers and has no cluster of that name, or it is another one than Nova knows",
    ),
    Row(
        "D30",
        when(bus=BusFact.DOWN),
        Diagnosis.BUS_DOWN,
        "the message bus is unreachable or refuses the account",
    ),
    Row(
        "D31",
        when(bus=BusFact.BLOCKED),
        Diagnosis.BUS_BLOCKED,
        "the message bus lets nobody publish (a memory or disk alarm)",
    ),
    Row(
        "D32",
        when(nova=NovaFact.UNREAD),
        Diagnosis.UNKNOWN,
        "Nova's API has not answered yet since the daemon started",
    ),
    Row(
        "D33",
        when(rpc=RpcFact.CONDUCTOR_SILENT),
        Diagnosis.CONDUCTORS_DOWN,
        "the message bus works and no conductor answers",
    ),
    Row(
        "D34",
        when(nova=NovaFact.CONDUCTORS_DOWN),
        Diagnosis.CONDUCTORS_DOWN,
        "Nova counts every conductor as down",
    ),
    Row(
        "D35",
        when(nova=NovaFact.BLIND),
        Diagnosis.CONTROL_PLANE_BLIND,
        "Nova's API gives no answer: Nova's side gives no verdict",
    ),
    Row(
        "D36",
        when(nova=NovaFact.CELL_DOWN),
        Diagnosis.CELL_DOWN,
        "Nova shows no record of this host: its cell does not answer, or the service was deleted",
    ),
    Row(
        "D40",
        when(service=ServiceFact.FORCED_DOWN),
        Diagnosis.FORCED_DOWN,
        "an operator forced the service down",
    ),
    Row(
        "D41",
        when(heartbeat=HeartbeatFact.UNSEEN),
        Diagnosis.UNKNOWN,
        "this daemon has not seen a heartbeat yet",
    ),
    Row(
        "D42",
        when(heartbeat=HeartbeatFact.AWAITED),
        Diagnosis.STARTING,
        "the process runs and has not reported yet",
    ),
    Row(
        "D43",
        when(nova=NovaFact.NO_RECORD),
        Diagnosis.NOT_REPORTING,
        "the process runs and Nova has no service record of its host",
    ),
    Row(
        "D44",
        when(heartbeat=HeartbeatFact.STALE, bus=BusFact.OK, rpc=RpcFact.UNANSWERED),
        Diagnosis.PROCESS_HUNG,
        "neither pings nor heartbeats, while the message bus is proven and a conductor answers",
    ),
    Row(
        "D45",
        when(heartbeat=HeartbeatFact.STALE),
        Diagnosis.NOT_REPORTING,
        "the process runs and its heartbeat does not advance",
    ),
    Row(
        "D46",
        when(rpc=RpcFact.UNANSWERED),
        Diagnosis.UNRESPONSIVE,
        "it reports, so it lives, and does not answer pings: slow or overloaded",
    ),
    Row(
        "D50",
        when(service=ServiceFact.STUCK_DISABLED),
        Diagnosis.STUCK_DISABLED,
        "disabled with the driver's own reason while vCenter is fine",
    ),
    Row(
        "D51",
        when(service=ServiceFact.AUTO_DISABLED),
        Diagnosis.AUTO_DISABLED,
        "disabled by the driver, which may still enable it itself",
    ),
    Row(
        "D52",
        when(service=ServiceFact.DISABLED),
        Diagnosis.DISABLED_BY_OPERATOR,
        "disabled by an operator: with another reason than the driver's, now or before an outage",
    ),
    Row(
        "D60",
        when(quality=Quality.CLUSTER_DEGRADED),
        Diagnosis.CLUSTER_DEGRADED,
        "it works, and something about its cluster or vCenter is not as it should be",
    ),
    Row(
        "D61",
        when(quality=Quality.DEGRADED),
        Diagnosis.DEGRADED,
        "it works, and something about it is not as it should be",
    ),
    Row("D90", when(), Diagnosis.HEALTHY, "process, vCenter, message bus, heartbeat and service are fine"),
)


def diagnose(facts: Facts) -> Row:
    """The row that names what is wrong."""
    return first_match(TABLE, facts)
