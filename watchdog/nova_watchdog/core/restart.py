"""Whether a human's restart may go out: what a restart would make worse is refused, with the reason."""

from __future__ import annotations

from collections.abc import Iterator

from nova_watchdog.core.breaker import Breaker
from nova_watchdog.core.decide import Decision
from nova_watchdog.core.facts import BusFact, NovaFact, RpcFact, UnitFact, VCenterFact
from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.hold.holding import Holding
from nova_watchdog.core.model import Observation, Pairing, Reading, Unknown
from nova_watchdog.core.permission import Permission
from nova_watchdog.core.snapshot import PairingSnapshot

# A pairing is looked at each second or so: what is older says nothing about now.
_LOOK_MAX_AGE_S = 10.0

_UNITS = {
    UnitFact.UNKNOWN: "systemd gives no answer about UNIT",
    UnitFact.MISSING: "systemd has no UNIT that could be started",
    UnitFact.CHANGING: "systemd works on UNIT already",
    UnitFact.STOPPED: "a human stopped UNIT: 'systemctl start UNIT' starts it again",
    UnitFact.DOWN: "UNIT does not run: it is started by itself as soon as it may be",
}
_VCENTERS = {
    VCenterFact.UNKNOWN: "vCenter gives no reading",
    VCenterFact.UNREACHABLE: "vCenter is not reached from here",
    VCenterFact.LOGIN_REFUSED: "vCenter refuses the login: another try may lock the account",
    VCenterFact.CLUSTER_GONE: "vCenter has no such cluster",
    VCenterFact.OK_EARLIER: "vCenter was not read since",
}
_BUSES = {
    BusFact.UNKNOWN: "the message bus gives no reading",
    BusFact.DOWN: "the message bus is not reached from here, or refuses the account",
    BusFact.BLOCKED: "the message bus lets nobody publish",
}
_NOVAS = {
    NovaFact.UNREAD: "Nova's API was not read yet",
    NovaFact.BLIND: "Nova's API gives no answer: nobody could see it come back",
    NovaFact.CELL_DOWN: "the cell's database does not answer",
    NovaFact.CONDUCTORS_DOWN: "no conductor is up",
}
_BREAKERS = {
    Breaker.BUSY: "another pairing of the same vCenter or message bus was acted upon a moment ago",
    Breaker.SHARED: "another pairing of the same vCenter or message bus is suspect too: a shared cause",
}
# What the daemon may not do of its own accord, and a human may.
_ON_ONES_OWN = "restarted all the same, and the daemon does not act on it afterwards"
_OVERRIDDEN = {
    Permission.PAUSED: f"it is paused: {_ON_ONES_OWN}",
    Permission.MAINTENANCE: f"a maintenance window is open: {_ON_ONES_OWN}",
}


def why_not_restart(shown: PairingSnapshot, holding: Holding | None, controller: str, now_s: float) -> str:
    """Why it must not be restarted now, empty: it may be. `holding`: None where no other one shares it."""
    pairing = shown.pairing
    reason = next(_reasons(shown, holding, controller, now_s), "")
    return reason.replace("UNIT", pairing.unit).replace("PAIRING", pairing.name)


def _reasons(shown: PairingSnapshot, holding: Holding | None, controller: str, now_s: float) -> Iterator[str]:
    decision = shown.decision
    if shown.permission is Permission.OBSERVE:
        yield "PAIRING is only observed here: its mode is observe"
    if shown.permission is Permission.NO_RECORD:
        yield "the record of PAIRING cannot be read: 'nova-watchdog status' says why"
    if now_s - shown.ticked_at_s > _LOOK_MAX_AGE_S:
        yield f"PAIRING was last looked at {now_s - shown.ticked_at_s:.0f} s ago"
    if holding is not None and not holding.allows(now_s):
        yield _not_held(holding, controller)
    yield from _unready(shown.pairing, decision)


def _not_held(holding: Holding, controller: str) -> str:
    if holding.claim is Claim.MINE:
        return "PAIRING is being given away, or the renewal of its hold is late"
    if holding.holder in ("", controller):
        return "PAIRING is not held here: nobody holds it"
    return f"PAIRING is not held here: {holding.holder} holds it; run there: 'nova-watchdog restart PAIRING'"


def _unready(pairing: Pairing, decision: Decision) -> Iterator[str]:
    """What a new process would need and would not have."""
    facts = decision.facts
    if facts.unit in _UNITS:
        yield _UNITS[facts.unit]
    if facts.vcenter in _VCENTERS:
        yield _VCENTERS[facts.vcenter]
    if facts.bus in _BUSES and (pairing.bus or facts.bus is not BusFact.UNKNOWN):
        yield _BUSES[facts.bus]
    if facts.nova in _NOVAS:
        yield _NOVAS[facts.nova]
    if facts.rpc is RpcFact.CONDUCTOR_SILENT:
        yield "no conductor answers on the message bus"
    if decision.situation.breaker in _BREAKERS:
        yield _BREAKERS[decision.situation.breaker]


def warnings_of(shown: PairingSnapshot) -> tuple[str, ...]:
    """What a human should know who restarts it all the same."""
    found = []
    if shown.permission in _OVERRIDDEN:
        found.append(_OVERRIDDEN[shown.permission])
    builds = _builds(shown.pairing, shown.observation)
    if builds is None:
        found.append("how many instances are being built is not known: those that are end in ERROR")
    elif builds:
        found.append(f"instances that are being built, and end in ERROR: {builds}")
    return tuple(found)


def _builds(pairing: Pairing, observation: Observation) -> int | None:
    if isinstance(observation.workload, Unknown):
        return None
    load = observation.workload.value.hosts.get(pairing.host)
    return len(load.builds_s) if load else 0


def invocation_of(shown: PairingSnapshot) -> str:
    """Which run of its unit was judged, empty: none was seen."""
    unit = shown.observation.unit
    return unit.value.invocation_id if isinstance(unit, Reading) else ""
