"""THE rule table: what is done about each diagnosis. Data and nothing else.

Columns: the permission to act, the pairing's phase, the diagnosis, the proof that a start could succeed,
the pace (backoff and budget) of the action that the diagnosis asks for, and the breaker (what the other
pairings of the same vCenter or message bus do). First match wins; `why` becomes the log line, the
metric's label and the page; `remedy` tells a human what to do.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from nova_watchdog.core.breaker import Breaker
from nova_watchdog.core.budget import Pace
from nova_watchdog.core.diagnose import Diagnosis
from nova_watchdog.core.permission import Permission
from nova_watchdog.core.state import Phase
from nova_watchdog.core.table import When, first_match, when


class Proof(enum.Enum):
    """Whether an action is safe and could succeed.

    A start is safe when the process ran here since boot and ended here, or Nova's record of it has been
    silent; it could succeed when a vCenter canary, begun after the process ended, passed. A kill is safe
    when readings of the bus and of Nova that began after the verdict say the same once more.
    """

    NONE = "none"
    UNWITNESSED = "unwitnessed"  # it has not run since boot, and Nova was not watched for long enough
    PASSED = "passed"
    SETTLED = "settled"  # passed, and has kept passing for `settle_s`


class Verb(enum.Enum):
    """What a row does."""

    NOTHING = "nothing"
    PROBE = "probe"  # ask for fresh readings
    START = "start"  # a start that counts against the budget
    START_FREE = "start-free"  # a start after an outage of a dependency: costs nothing
    ENABLE = "enable"
    KILL = "kill"  # end a hung process; its start is then decided like any other


class Next(enum.Enum):
    """The phase that follows."""

    KEEP = "keep"
    WATCHING = "watching"
    WAITING = "waiting"
    RECOVERING = "recovering"
    STOPPED = "stopped"
    GIVEN_UP = "given-up"


@dataclass(frozen=True, slots=True)
class Situation:
    """The columns of the table."""

    permission: Permission
    phase: Phase
    diagnosis: Diagnosis
    proof: Proof
    pace: Pace
    breaker: Breaker


@dataclass(frozen=True, slots=True)
class Rule:
    """One row. `refund`: the last start turned out to fail for a dependency, so it costs nothing."""

    number: str
    when: When
    next: Next
    verb: Verb
    why: str
    remedy: str = ""
    refund: bool = False


_HELD = (Permission.PAUSED, Permission.MAINTENANCE, Permission.NO_RECORD, Permission.NOT_HELD)
_DOWN = (Diagnosis.PROCESS_DOWN, Diagnosis.WAITING_FOR_DEPENDENCY)

TABLE: tuple[Rule, ...] = (
    # No verdict, nothing to act on
    Rule(
        "R01",
        when(diagnosis=Diagnosis.UNKNOWN),
        Next.KEEP,
        Verb.NOTHING,
        "a reading is missing: no verdict, no action",
    ),
    Rule(
        "R02",
        when(diagnosis=Diagnosis.UNIT_MISSING),
        Next.KEEP,
        Verb.NOTHING,
        "systemd cannot load the unit",
        "check the unit's name in the configuration and 'systemctl status UNIT'",
    ),
    Rule(
        "R03",
        when(diagnosis=Diagnosis.CHANGING),
        Next.KEEP,
        Verb.NOTHING,
        "systemd is working on the unit: wait until it is done",
    ),
    # Shared with other controllers
    Rule(
        "R04",
        when(diagnosis=Diagnosis.STANDBY),
        Next.KEEP,
        Verb.NOTHING,
        "another controller holds it: this one stands by",
    ),
    Rule(
        "R05",
        when(diagnosis=Diagnosis.NOT_HELD),
        Next.KEEP,
        Verb.NOTHING,
        "this controller does not hold it: nothing is started",
        "'nova-watchdog status' says who holds it, or why nobody does",
    ),
    # Not ours to start
    Rule(
        "R09",
        when(permission=Permission.NO_RECORD, diagnosis=(*_DOWN, Diagnosis.STOPPED_ON_PURPOSE)),
        Next.KEEP,
        Verb.NOTHING,
        "no process, and the record cannot be read: what was done before is not known, so nothing is",
        "see the store's problem in 'nova-watchdog status', and mend it",
    ),
    Rule(
        "R10",
        when(phase=Phase.NEW, diagnosis=(*_DOWN, Diagnosis.STOPPED_ON_PURPOSE)),
        Next.KEEP,
        Verb.NOTHING,
        "never seen running on this controller: not ours to start",
        "start it once with 'systemctl start UNIT' if it belongs here",
    ),
    Rule(
        "R11",
        when(diagnosis=Diagnosis.STOPPED_ON_PURPOSE),
        Next.STOPPED,
        Verb.NOTHING,
        "stopped on purpose: respected",
        "'systemctl start UNIT' ends it",
    ),
    Rule(
        "R12",
        when(phase=Phase.STOPPED, diagnosis=_DOWN),
        Next.KEEP,
        Verb.NOTHING,
        "was stopped on purpose and has not been started since: respected",
        "'systemctl start UNIT' ends it",
    ),
    Rule(
        "R13",
        when(phase=Phase.GIVEN_UP, diagnosis=_DOWN),
        Next.KEEP,
        Verb.NOTHING,
        "the restart budget is spent: only a human may act",
        "read 'journalctl -u UNIT', mend the cause, then 'systemctl start UNIT'",
    ),
    Rule(
        "R14",
        when(diagnosis=Diagnosis.RUNNING_ELSEWHERE),
        Next.KEEP,
        Verb.NOTHING,
        "somebody else runs this nova-compute: a second one would destroy builds in flight",
        "find the other one (another controller, a container, a hand-started process) before any start here",
    ),
    # Down for a dependency
    Rule(
        "R20",
        when(phase=Phase.RECOVERING, diagnosis=Diagnosis.WAITING_FOR_DEPENDENCY),
        Next.WAITING,
        Verb.NOTHING,
        "the start failed while a dependency was away: hold, the start is not charged",
        "bring the dependency back; nova-compute is then started without a human",
        refund=True,
    ),
    Rule(
        "R21",
        when(diagnosis=Diagnosis.WAITING_FOR_DEPENDENCY),
        Next.WAITING,
        Verb.NOTHING,
        "down, and a dependency is away: a start would fail, so hold",
        "bring the dependency back; nova-compute is then started without a human",
    ),
    # Down with dependencies that seem fine
    Rule(
        "R28",
        when(permission=Permission.NOT_HELD, diagnosis=Diagnosis.PROCESS_DOWN),
        Next.KEEP,
        Verb.NOTHING,
        "down; no deadline is armed for it here, so nothing is started",
        "'nova-watchdog status' says what keeps the hold from being renewed",
    ),
    Rule(
        "R29",
        when(permission=Permission.PROTECT, diagnosis=Diagnosis.PROCESS_DOWN, proof=Proof.UNWITNESSED),
        Next.KEEP,
        Verb.NOTHING,
        "nothing shows that nobody runs it: watch first whether Nova gets reports from somewhere else",
    ),
    Rule(
        "R30",
        when(permission=Permission.OBSERVE, diagnosis=Diagnosis.PROCESS_DOWN),
        Next.KEEP,
        Verb.NOTHING,
        "down; mode is observe, so nothing is done",
        "'systemctl start UNIT', or set mode = \"protect\" for this pairing",
    ),
    Rule(
        "R31",
        when(permission=Permission.PAUSED, diagnosis=Diagnosis.PROCESS_DOWN),
        Next.KEEP,
        Verb.NOTHING,
        "down; the pairing is paused, so nothing is done",
        "'systemctl start UNIT', or 'nova-watchdog resume PAIRING'",
    ),
    Rule(
        "R32",
        when(permission=Permission.MAINTENANCE, diagnosis=Diagnosis.PROCESS_DOWN),
        Next.KEEP,
        Verb.NOTHING,
        "down in a maintenance window, so nothing is done",
        "'systemctl start UNIT'; the watchdog acts again when the window closes",
    ),
    Rule(
        "R33",
        when(diagnosis=Diagnosis.PROCESS_DOWN, proof=Proof.NONE),
        Next.KEEP,
        Verb.PROBE,
        "down; no start before a vCenter canary that began after the end has passed",
    ),
    Rule(
        "R34",
        when(phase=Phase.WAITING, diagnosis=Diagnosis.PROCESS_DOWN, proof=Proof.PASSED),
        Next.KEEP,
        Verb.NOTHING,
        "the dependency is back: start when it has held for a moment",
    ),
    Rule(
        "R35",
        when(diagnosis=Diagnosis.PROCESS_DOWN, pace=Pace.BACKING_OFF),
        Next.KEEP,
        Verb.NOTHING,
        "down again soon after a start: wait for the pause to end",
    ),
    Rule(
        "R36",
        when(diagnosis=Diagnosis.PROCESS_DOWN, breaker=Breaker.BUSY),
        Next.KEEP,
        Verb.NOTHING,
        "another pairing of the same vCenter or message bus was just acted upon: one at a time",
    ),
    Rule(
        "R37",
        when(phase=Phase.WAITING, diagnosis=Diagnosis.PROCESS_DOWN),
        Next.RECOVERING,
        Verb.START_FREE,
        "the dependency is back and held: start, at no cost to the budget",
    ),
    Rule(
        "R38",
        when(diagnosis=Diagnosis.PROCESS_DOWN, pace=Pace.SPENT),
        Next.GIVEN_UP,
        Verb.NOTHING,
        "the restart budget is spent: from now on only a human may act",
        "read 'journalctl -u UNIT', mend the cause, then 'systemctl start UNIT'",
    ),
    Rule(
        "R39",
        when(diagnosis=Diagnosis.PROCESS_DOWN),
        Next.RECOVERING,
        Verb.START,
        "the process is down and vCenter answers: start it",
    ),
    # It runs, so its phase is watching or recovering by now; recovering ends only with a proof
    Rule(
        "R40",
        when(diagnosis=Diagnosis.VCENTER_DOWN),
        Next.KEEP,
        Verb.NOTHING,
        "vCenter is away: nova-compute heals itself when it is back, a restart would harm",
        "bring vCenter back",
    ),
    Rule(
        "R41",
        when(diagnosis=Diagnosis.VCENTER_LOGIN_REFUSED),
        Next.KEEP,
        Verb.NOTHING,
        "vCenter refuses the account: never restart, each login could lock it",
        "check the account and its password in nova's configuration and at vCenter",
    ),
    Rule(
        "R42",
        when(diagnosis=Diagnosis.CLUSTER_GONE),
        Next.KEEP,
        Verb.NOTHING,
        "the cluster is gone, renamed or made anew: nova-compute would refuse to start anywhere",
        "compare [vmware] cluster_name and Nova's hypervisor name with vCenter's inventory",
    ),
    Rule(
        "R43",
        when(diagnosis=(Diagnosis.BUS_DOWN, Diagnosis.BUS_BLOCKED)),
        Next.KEEP,
        Verb.NOTHING,
        "the message bus is at fault: nova-compute reconnects by itself, a restart would not help",
        "check RabbitMQ: 'rabbitmqctl status' shows alarms, listeners and the nodes",
    ),
    Rule(
        "R44",
        when(diagnosis=(Diagnosis.CONTROL_PLANE_BLIND, Diagnosis.CONDUCTORS_DOWN, Diagnosis.CELL_DOWN)),
        Next.KEEP,
        Verb.NOTHING,
        "Nova's side gives no verdict: never act on it",
        "check Keystone, Nova's API, the conductors and the cell's database",
    ),
    Rule(
        "R45",
        when(diagnosis=Diagnosis.STARTING),
        Next.KEEP,
        Verb.NOTHING,
        "it runs: wait for its first heartbeat",
    ),
    Rule(
        "R46",
        when(diagnosis=Diagnosis.NOT_REPORTING),
        Next.KEEP,
        Verb.NOTHING,
        "the process runs and does not report; its fault is not proven, so nothing is done",
        "check RabbitMQ and the conductors first, then 'journalctl -u UNIT'",
    ),
    Rule(
        "R47",
        when(diagnosis=Diagnosis.UNRESPONSIVE),
        Next.KEEP,
        Verb.NOTHING,
        "it does not answer but reports: it lives, and a kill would destroy what it works on",
        "look at its load: 'systemctl status UNIT', 'journalctl -u UNIT'",
    ),
    # Hung, as far as a process can be proven to be
    Rule(
        "R50",
        when(diagnosis=Diagnosis.PROCESS_HUNG, permission=Permission.OBSERVE),
        Next.KEEP,
        Verb.NOTHING,
        "hung; mode is observe, so nothing is done",
        "'systemctl kill -s KILL UNIT' and 'systemctl start UNIT', or mode = \"protect\" for this pairing",
    ),
    Rule(
        "R51",
        when(diagnosis=Diagnosis.PROCESS_HUNG, permission=_HELD),
        Next.KEEP,
        Verb.NOTHING,
        "hung; paused, in a maintenance window, not held or without a readable record: nothing is done",
        "'systemctl kill -s KILL UNIT', 'systemctl start UNIT'; 'nova-watchdog resume PAIRING' ends a pause",
    ),
    Rule(
        "R52",
        when(diagnosis=Diagnosis.PROCESS_HUNG, breaker=Breaker.SHARED),
        Next.KEEP,
        Verb.NOTHING,
        "another pairing of the same vCenter or message bus is suspect too: a shared cause, no action",
        "find what they share: RabbitMQ, the conductors, the network, the controller's load",
    ),
    Rule(
        "R53",
        when(diagnosis=Diagnosis.PROCESS_HUNG, breaker=Breaker.BUSY),
        Next.KEEP,
        Verb.NOTHING,
        "hung; another pairing of the same vCenter or message bus was just acted upon: one at a time",
    ),
    Rule(
        "R54",
        when(diagnosis=Diagnosis.PROCESS_HUNG, pace=Pace.SPENT),
        Next.KEEP,
        Verb.NOTHING,
        "hung, and the restart budget is spent: only a human may act",
        "read 'journalctl -u UNIT', then 'systemctl kill -s KILL UNIT' and 'systemctl start UNIT'",
    ),
    Rule(
        "R55",
        when(diagnosis=Diagnosis.PROCESS_HUNG, pace=Pace.BACKING_OFF),
        Next.KEEP,
        Verb.NOTHING,
        "hung: wait for the pause to end",
    ),
    Rule(
        "R56",
        when(diagnosis=Diagnosis.PROCESS_HUNG, proof=(Proof.NONE, Proof.UNWITNESSED)),
        Next.KEEP,
        Verb.PROBE,
        "hung, it seems; no kill before readings that began after this verdict say so again",
    ),
    Rule(
        "R57",
        when(diagnosis=Diagnosis.PROCESS_HUNG),
        Next.KEEP,
        Verb.KILL,
        "hung: no ping, no heartbeat, with a proven bus and a conductor answering: kill it, to start it",
    ),
    # Nova's service record
    Rule(
        "R60",
        when(diagnosis=Diagnosis.AUTO_DISABLED),
        Next.WATCHING,
        Verb.NOTHING,
        "the driver disabled its service and may enable it itself: wait",
    ),
    Rule(
        "R61",
        when(diagnosis=Diagnosis.STUCK_DISABLED, permission=Permission.OBSERVE),
        Next.WATCHING,
        Verb.NOTHING,
        "the driver's own disable is stuck; mode is observe, so nothing is done",
        "'openstack compute service set --enable HOST nova-compute'",
    ),
    Rule(
        "R62",
        when(diagnosis=Diagnosis.STUCK_DISABLED, permission=_HELD),
        Next.WATCHING,
        Verb.NOTHING,
        "the driver's own disable is stuck; paused, in a maintenance window, not held or without a record",
        "'openstack compute service set --enable HOST nova-compute'",
    ),
    Rule(
        "R63",
        when(diagnosis=Diagnosis.STUCK_DISABLED, pace=Pace.BACKING_OFF),
        Next.WATCHING,
        Verb.NOTHING,
        "the driver's own disable is stuck: wait before trying again to enable it",
    ),
    Rule(
        "R64",
        when(diagnosis=Diagnosis.STUCK_DISABLED),
        Next.WATCHING,
        Verb.ENABLE,
        "the driver's own disable is stuck and vCenter is fine: enable the service",
    ),
    Rule(
        "R65",
        when(diagnosis=Diagnosis.DISABLED_BY_OPERATOR),
        Next.WATCHING,
        Verb.NOTHING,
        "an operator disabled the service: respected",
    ),
    Rule(
        "R66",
        when(diagnosis=Diagnosis.FORCED_DOWN),
        Next.KEEP,
        Verb.NOTHING,
        "an operator forced the service down: respected",
    ),
    Rule(
        "R80",
        when(diagnosis=(Diagnosis.CLUSTER_DEGRADED, Diagnosis.DEGRADED)),
        Next.WATCHING,
        Verb.NOTHING,
        "it works; what is not as it should be is listed with it, and is not ours to mend",
        "'nova-watchdog status' lists it, the runbook of its alert says what to do",
    ),
    Rule(
        "R90",
        when(diagnosis=Diagnosis.HEALTHY),
        Next.WATCHING,
        Verb.NOTHING,
        "all is well",
    ),
)


def rule_for(situation: Situation) -> Rule:
    """The row that decides."""
    return first_match(TABLE, situation)
