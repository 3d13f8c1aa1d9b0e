"""What a controller can say of itself about a pairing: could it serve it now, and should it give it up."""

from __future__ import annotations

from nova_watchdog.core.facts import BusFact, Facts, HeartbeatFact, HoldFact, NovaFact, UnitFact, VCenterFact
from nova_watchdog.core.hold.moves import Give, HoldPolicy
from nova_watchdog.core.hold.records import Vantage
from nova_watchdog.core.memory import Memory
from nova_watchdog.core.state import PairingState, Phase

BUS = "message-bus"
_MOVES_AS_IT_IS = HoldPolicy()
# The phases of a pairing that somebody wants to run.
_WANTED = (Phase.WATCHING, Phase.WAITING, Phase.RECOVERING)


def vantage_of(facts: Facts | None) -> Vantage:
    """Whether what it depends on is reached from here. None: not looked yet.

    Nova's API belongs to it: without it nobody sees whether somebody else runs the pairing.
    """
    if facts is None:
        return Vantage(ready=False, reason="not looked at yet")
    lacks = {
        "systemd": (
            "systemd does not answer, or cannot load the unit",
            facts.unit in (UnitFact.UNKNOWN, UnitFact.MISSING),
        ),
        "vcenter": (
            "vCenter or the cluster is not reached",
            facts.vcenter not in (VCenterFact.OK, VCenterFact.OK_EARLIER),
        ),
        BUS: ("the message bus is not reached", facts.bus in (BusFact.DOWN, BusFact.BLOCKED)),
        "nova-api": ("Nova's API gives no answer", facts.nova in (NovaFact.BLIND, NovaFact.UNREAD)),
    }
    failing = {check: reason for check, (reason, is_so) in lacks.items() if is_so}
    return Vantage(
        ready=not failing,
        reason="; ".join(failing.values()),
        failing=tuple(failing),
        unproven=(BUS,) if facts.bus is BusFact.UNKNOWN else (),
        serves=_serves(facts),
    )


def _serves(facts: Facts) -> bool:
    return (
        facts.hold is HoldFact.HELD
        and facts.unit is UnitFact.UP
        and facts.vcenter is VCenterFact.OK
        and facts.heartbeat is HeartbeatFact.FRESH
    )


def give_of(
    state: PairingState,
    facts: Facts | None = None,
    memory: Memory | None = None,
    policy: HoldPolicy = _MOVES_AS_IT_IS,
    *,
    still_starts: bool = False,
) -> Give | None:
    """Why a pairing that is held here should move without a human's wish, None: it should not.

    still_starts: its calls to vCenter show that a start goes on which has not reported.
    """
    if state.phase is Phase.GIVEN_UP:
        return Give("the restart budget is spent here", has_failed=True)
    if facts is None or memory is None or state.phase not in _WANTED:
        return None
    if state.phase is Phase.RECOVERING and _never_reported(facts) and not still_starts:
        return Give("it was started here and never reported", has_failed=True)
    return _path_lost(facts, memory, policy.path_lost_hold_s)


def _never_reported(facts: Facts) -> bool:
    """Whether a start came to nothing, though all that a report needs is there.

    As long as it may still be starting, its heartbeat is awaited (`start_cap_s`): that is no failure.
    """
    return (
        facts.unit is UnitFact.UP
        and facts.heartbeat is HeartbeatFact.STALE
        and facts.vcenter is VCenterFact.OK
        and facts.bus is BusFact.OK
        and facts.nova is NovaFact.KNOWN
    )


def _path_lost(facts: Facts, memory: Memory, hold_s: float) -> Give | None:
    """Whether vCenter or the bus is not reached from here; that a standby reaches it is asked of its record.

    A login that is refused and a cluster that is gone are no paths: they would be the same elsewhere.
    """
    if facts.unit not in (UnitFact.UP, UnitFact.DOWN, UnitFact.CHANGING):
        return None
    begins = facts.unit is not UnitFact.CHANGING
    if facts.vcenter is VCenterFact.UNREACHABLE and memory.vcenter_lost_held_s >= hold_s:
        return Give("the path to vCenter is lost here", ready_for_s=hold_s, begins=begins)
    if facts.bus is BusFact.DOWN and memory.bus_lost_held_s >= hold_s and _is_cut_off(facts):
        why = "the path to the message bus is lost here"
        return Give(why, ready_for_s=hold_s, proves=(BUS,), begins=begins)
    return None


def _is_cut_off(facts: Facts) -> bool:
    """Whether Nova shows it too: nova-compute reports over the same bus, if it runs."""
    if facts.unit is UnitFact.DOWN:
        return True
    silent = facts.heartbeat in (HeartbeatFact.STALE, HeartbeatFact.AWAITED)
    return silent and facts.nova is NovaFact.KNOWN
