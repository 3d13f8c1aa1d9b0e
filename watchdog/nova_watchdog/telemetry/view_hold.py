"""Holds, and this controller in the store that all share, as JSON (docs/status-json.md)."""

from __future__ import annotations

from dataclasses import asdict

from nova_watchdog.core.facts import UnitFact
from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.snapshot import FleetSnapshot, HoldSnapshot, PairingSnapshot
from nova_watchdog.core.store_size import StoreSize
from nova_watchdog.core.verification import verification_of
from nova_watchdog.telemetry import derived
from nova_watchdog.telemetry.view_readings import Document, rfc3339, seconds

# What single-active is worth without an outside fence (docs/safety.md): a virtual controller that was paused
# for longer than the takeover wait runs on until its first renewal after that fails.
SINGLE_ACTIVE = "bounded"


def keeper_entry(snapshot: FleetSnapshot, now_s: float) -> Document | None:
    """This controller in the store, None where it shares its pairings with nobody."""
    keeper = snapshot.keeper
    if keeper is None:
        return None
    renewed_s = keeper.renewed_at_s
    return {
        "registered": keeper.registered,
        "problem": keeper.problem,
        "renewed_at": None if renewed_s is None else rfc3339(derived.wall_of(snapshot, renewed_s)),
        "renewal_age_s": None if renewed_s is None else seconds(max(0.0, now_s - renewed_s)),
        "deadline_left_s": seconds(derived.left_s(keeper.until_s, now_s)),
        "deadline_s": seconds(keeper.deadline_s),
        "takeover_wait_s": seconds(keeper.takeover_wait_s),
        "single_active": SINGLE_ACTIVE,
        "renewals": keeper.renewals,
        "renewal_failures": keeper.renewal_failures,
        "takeovers": [
            {"pairing": pairing, "outcome": outcome, "count": count}
            for (pairing, outcome), count in sorted(keeper.takeovers.items())
        ],
        "size": _size(keeper.size),
        "size_problem": keeper.size_problem,
    }


def _size(size: StoreSize | None) -> Document | None:
    """How full the store is, None where it is not known."""
    if size is None:
        return None
    return {**asdict(size), "alarms": list(size.alarms), "filling": size.is_filling}


def hold_entry(snapshot: FleetSnapshot, shown: PairingSnapshot, now_s: float) -> Document | None:
    """Whose the pairing is and who could take it, None where nobody shares it."""
    hold = snapshot.holds.get(shown.pairing.name)
    if hold is None or not derived.is_shared(snapshot, shown.pairing):
        return None
    return {
        "claim": hold.claim.value,
        "holder": hold.holder,
        "epoch": hold.epoch,
        "rule": hold.rule,
        "why": hold.why,
        "remedy": hold.remedy,
        "deadline_left_s": seconds(derived.left_s(hold.until_s, now_s)),
        "stopped": hold.stopped,
        "moves_left": hold.moves_left,
        "verified": _verified(hold, shown),
        "standbys": [
            {
                "controller": one.controller,
                "ready": one.renews and one.ready,
                "renews": one.renews,
                "reason": one.reason,
                "priority": one.priority,
            }
            for one in derived.standbys_of(hold)
        ],
    }


def _verified(hold: HoldSnapshot, shown: PairingSnapshot) -> Document | None:
    """What is seen of the process that runs under this hold, None without one."""
    decision = shown.decision
    if hold.claim is not Claim.MINE or decision.facts.unit is not UnitFact.UP:
        return None
    return asdict(verification_of(decision, shown.observation, shown.pairing, shown.memory))
