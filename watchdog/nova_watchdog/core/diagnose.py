"""From facts to one word: what is wrong with a pairing, and which readings show it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from nova_watchdog.core.facts import (
    Facts,
    HeartbeatFact,
    NovaFact,
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
    VCENTER_DOWN = "vcenter-down"
    VCENTER_LOGIN_REFUSED = "vcenter-login-refused"
    CLUSTER_GONE = "cluster-gone"
    CONTROL_PLANE_BLIND = "control-plane-blind"
    NOT_REPORTING = "not-reporting"
    FORCED_DOWN = "forced-down"
    STUCK_DISABLED = "stuck-disabled"
    AUTO_DISABLED = "auto-disabled"
    DISABLED_BY_OPERATOR = "disabled-by-operator"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the diagnosis table. `shown_by` names the facts that show it, for people."""

    number: str
    when: When
    diagnosis: Diagnosis
    shown_by: str


_DEPENDENCY_BAD = (VCenterFact.UNREACHABLE, VCenterFact.LOGIN_REFUSED, VCenterFact.CLUSTER_GONE)

# First match wins. Rows from D09 on speak of a unit with a process.
TABLE: tuple[Row, ...] = (
    Row("D01", when(unit=UnitFact.UNKNOWN), Diagnosis.UNKNOWN, "systemd does not answer"),
    Row("D02", when(unit=UnitFact.MISSING), Diagnosis.UNIT_MISSING, "the unit is not loadable"),
    Row("D03", when(unit=UnitFact.CHANGING), Diagnosis.CHANGING, "systemd is working on the unit"),
    Row(
        "D04",
        when(unit=(UnitFact.STOPPED, UnitFact.DOWN), heartbeat=HeartbeatFact.ELSEWHERE),
        Diagnosis.RUNNING_ELSEWHERE,
        "no process here, and Nova gets reports of this host",
    ),
    Row(
        "D05",
        when(unit=UnitFact.STOPPED),
        Diagnosis.STOPPED_ON_PURPOSE,
        "the unit was stopped by a job that is not ours",
    ),
    Row(
        "D06",
        when(unit=UnitFact.DOWN, vcenter=_DEPENDENCY_BAD),
        Diagnosis.WAITING_FOR_DEPENDENCY,
        "no process, and vCenter would not let it start",
    ),
    Row(
        "D07",
        when(unit=UnitFact.DOWN, nova=NovaFact.CONDUCTORS_DOWN),
        Diagnosis.WAITING_FOR_DEPENDENCY,
        "no process, and no conductor is up",
    ),
    Row("D08", when(unit=UnitFact.DOWN), Diagnosis.PROCESS_DOWN, "no process"),
    Row(
        "D09",
        when(vcenter=VCenterFact.UNKNOWN),
        Diagnosis.UNKNOWN,
        "the vCenter canary could not tell",
    ),
    Row(
        "D10",
        when(vcenter=VCenterFact.LOGIN_REFUSED),
        Diagnosis.VCENTER_LOGIN_REFUSED,
        "vCenter refuses the account",
    ),
    Row(
        "D11",
        when(vcenter=VCenterFact.UNREACHABLE),
        Diagnosis.VCENTER_DOWN,
        "the vCenter canary fails while nova-compute runs",
    ),
    Row(
        "D12",
        when(vcenter=VCenterFact.CLUSTER_GONE),
        Diagnosis.CLUSTER_GONE,
        "vCenter answers and has no cluster of that name",
    ),
    Row(
        "D13",
        when(nova=NovaFact.UNREAD),
        Diagnosis.UNKNOWN,
        "Nova's API has not answered yet since the daemon started",
    ),
    Row(
        "D14",
        when(nova=(NovaFact.BLIND, NovaFact.CONDUCTORS_DOWN)),
        Diagnosis.CONTROL_PLANE_BLIND,
        "Nova's API or every conductor is away: Nova's side gives no verdict",
    ),
    Row(
        "D15",
        when(service=ServiceFact.FORCED_DOWN),
        Diagnosis.FORCED_DOWN,
        "an operator forced the service down",
    ),
    Row(
        "D16",
        when(heartbeat=HeartbeatFact.UNSEEN),
        Diagnosis.UNKNOWN,
        "this daemon has not seen a heartbeat yet",
    ),
    Row(
        "D17",
        when(heartbeat=HeartbeatFact.AWAITED),
        Diagnosis.STARTING,
        "the process runs and has not reported yet",
    ),
    Row(
        "D18",
        when(nova=NovaFact.NO_RECORD),
        Diagnosis.NOT_REPORTING,
        "the process runs and Nova has no service record of its host",
    ),
    Row(
        "D19",
        when(heartbeat=HeartbeatFact.STALE),
        Diagnosis.NOT_REPORTING,
        "the process runs and its heartbeat does not advance",
    ),
    Row(
        "D20",
        when(service=ServiceFact.STUCK_DISABLED),
        Diagnosis.STUCK_DISABLED,
        "disabled with the driver's own reason while vCenter is fine",
    ),
    Row(
        "D21",
        when(service=ServiceFact.AUTO_DISABLED),
        Diagnosis.AUTO_DISABLED,
        "disabled by the driver, which may still enable it itself",
    ),
    Row(
        "D22",
        when(service=ServiceFact.DISABLED),
        Diagnosis.DISABLED_BY_OPERATOR,
        "disabled with a reason that is not the driver's",
    ),
    Row("D23", when(), Diagnosis.HEALTHY, "process, vCenter, heartbeat and service are fine"),
)


def diagnose(facts: Facts) -> Row:
    """The row that names what is wrong."""
    return first_match(TABLE, facts)
