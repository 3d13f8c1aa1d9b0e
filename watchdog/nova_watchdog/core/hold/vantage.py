"""What a controller can say of itself about a pairing: could it serve it now, and should it give it up."""

from __future__ import annotations

from nova_watchdog.core.facts import BusFact, Facts, NovaFact, UnitFact, VCenterFact
from nova_watchdog.core.hold.decide import Give
from nova_watchdog.core.hold.records import Vantage
from nova_watchdog.core.state import PairingState, Phase


def vantage_of(facts: Facts | None) -> Vantage:
    """Whether what it depends on is reached from here. None: not looked yet.

    Nova's API belongs to it: without it nobody sees whether somebody else runs the pairing.
    """
    if facts is None:
        return Vantage(ready=False, reason="not looked at yet")
    lacks = {
        "systemd does not answer, or cannot load the unit": facts.unit
        in (UnitFact.UNKNOWN, UnitFact.MISSING),
        "vCenter or the cluster is not reached": facts.vcenter
        not in (VCenterFact.OK, VCenterFact.OK_EARLIER),
        "the message bus is not reached": facts.bus in (BusFact.DOWN, BusFact.BLOCKED),
        "Nova's API gives no answer": facts.nova in (NovaFact.BLIND, NovaFact.UNREAD),
    }
    reasons = [reason for reason, is_so in lacks.items() if is_so]
    return Vantage(ready=not reasons, reason="; ".join(reasons))


def give_of(state: PairingState) -> Give | None:
    """Why a pairing that is held here should move without a human's wish, None: it should not."""
    if state.phase is Phase.GIVEN_UP:
        return Give("the restart budget is spent here")
    return None
