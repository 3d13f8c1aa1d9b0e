"""Why a human's wish cannot be granted, in words; empty: it can, now or soon."""

from __future__ import annotations

from nova_watchdog.core.hold.claims import Claim, claim_of
from nova_watchdog.core.hold.decide import Self
from nova_watchdog.core.hold.rules import HereFact
from nova_watchdog.core.hold.sight import Sight
from nova_watchdog.core.hold.standbys import (
    accepts,
    renews,
    successor_of,
    vantage_at,
    why_no_standby,
    why_not_ready,
)
from nova_watchdog.core.hold.timing import Timing
from nova_watchdog.core.permission import Permission


def why_not_give(pairing: str, me: Self, sight: Sight, timing: Timing, now_s: float) -> str:
    """Why this controller cannot grant `me.give`, a human's wish."""
    claim = _claim(pairing, me, sight, timing, now_s)
    to = me.give.to if me.give else ""
    reasons = {
        f"{pairing} is not held here: {_whose(pairing, claim, sight)}": claim is not Claim.MINE,
        f"{pairing} is only observed here": me.permission is Permission.OBSERVE,
        f"{to} holds {pairing} already": to == me.name,
    }
    if reason := next((reason for reason, is_so in reasons.items() if is_so), ""):
        return reason
    if successor_of(pairing, me.name, me.give, sight, timing, now_s):
        return ""
    if to:
        return _why_not_to(to, pairing, sight, timing, now_s)
    return f"no standby is ready: {why_no_standby(pairing, me.name, sight, timing, now_s)}"


def _why_not_to(to: str, pairing: str, sight: Sight, timing: Timing, now_s: float) -> str:
    why = why_not_ready(to, pairing, sight, timing, now_s)
    failing = " and ".join(vantage_at(to, pairing, sight).failing)
    seen = sight.controller(to)
    if failing and seen is not None and renews(seen, timing, now_s):
        return f"{to} could not serve {pairing}: {why}; to be accepted by name: {failing}"
    return f"{to} cannot take {pairing}: {why}"


def why_not_take(pairing: str, me: Self, sight: Sight, timing: Timing, now_s: float) -> str:
    """Why this controller cannot take it, as a human wishes. What has only to be waited for is no reason."""
    claim = _claim(pairing, me, sight, timing, now_s)
    reasons = {
        f"{me.name} holds {pairing} already": claim is Claim.MINE,
        f"{_whose(pairing, claim, sight)}: ask that one to give it": claim is Claim.HELD,
        "the store does not tell whose it is": claim is Claim.UNREAD,
        f"permission is {me.permission.value}": me.permission is not Permission.PROTECT,
        "its unit runs here without a hold": me.here is HereFact.RUNS and claim is not Claim.NOBODY,
        f"{me.name} could not serve {pairing}: {me.vantage.reason}": not (
            me.vantage.ready or accepts(me.vantage, me.accept)
        ),
    }
    return next((reason for reason, is_so in reasons.items() if is_so), "")


def _claim(pairing: str, me: Self, sight: Sight, timing: Timing, now_s: float) -> Claim:
    incarnation = me.registration.incarnation if me.registration else None
    return claim_of(pairing, me.name, incarnation, sight, timing, now_s)


def _whose(pairing: str, claim: Claim, sight: Sight) -> str:
    seen = sight.holds.get(pairing)
    holder = seen.value.holder if seen and seen.value else ""
    if claim is Claim.HELD:
        return f"{holder} holds it"
    if claim is Claim.UNREAD:
        return "the store does not tell whose it is"
    return f"it was {holder}'s, which does not renew" if holder else "nobody holds it"
