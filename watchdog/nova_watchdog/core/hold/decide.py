"""One pairing's hold: what is seen in, what is to be written or done out. Nothing is done here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from nova_watchdog.core.budget import Pace
from nova_watchdog.core.hold.claims import (
    Claim,
    Registration,
    claim_of,
    has_ended,
    is_seasoned,
    wait_for_s,
)
from nova_watchdog.core.hold.moves import Give, HoldPolicy, failed_lately, moves_left, unsettled
from nova_watchdog.core.hold.records import HoldRecord, Vantage, controller_key, hold_key
from nova_watchdog.core.hold.rules import (
    HereFact,
    HoldRule,
    HoldSituation,
    HoldVerb,
    Readiness,
    Standing,
    Wish,
    hold_rule_for,
)
from nova_watchdog.core.hold.sight import Sight
from nova_watchdog.core.hold.standbys import accepts, rank, ready_standbys, successor_of, why_no_standby
from nova_watchdog.core.hold.timing import Timing
from nova_watchdog.core.permission import Permission

__all__ = ["Give", "HoldDecision", "HoldPolicy", "Self", "decide_hold", "moves_left"]


@dataclass(frozen=True, slots=True)
class Self:
    """This controller, as far as one pairing is concerned.

    accept: failing checks of its own that a human accepts, who wants it to `take` the pairing.
    near: the other pairings of the same vCenter or message bus. stopping: what is stopped here to be moved.
    """

    name: str
    registration: Registration | None
    here: HereFact
    vantage: Vantage
    permission: Permission
    give: Give | None = None
    take: bool = False
    stopped: bool | None = None
    accept: tuple[str, ...] = ()
    near: tuple[str, ...] = ()
    stopping: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class HoldDecision:
    """What was judged, by which rule, and what is to be written first.

    expected: the revisions that the transaction compares. record: what it writes for the pairing, None:
    nothing is written. fences: the controller whose record is marked as fenced with it, empty: none.
    reason: why it should move and where to, or why it does not; empty where nobody wants that.
    """

    claim: Claim
    situation: HoldSituation
    rule: HoldRule
    record: HoldRecord | None = None
    expected: Mapping[str, int] | None = None
    fences: str = ""
    reason: str = ""


def decide_hold(
    pairing: str, me: Self, sight: Sight, timing: Timing, policy: HoldPolicy, now_s: float, wall_s: float
) -> HoldDecision:
    """Judge one pairing's hold."""
    incarnation = me.registration.incarnation if me.registration else None
    claim = claim_of(pairing, me.name, incarnation, sight, timing, now_s)
    hold = _hold(pairing, sight)
    failed = failed_lately(hold, policy, wall_s)
    successor = successor_of(pairing, me.name, me.give, sight, timing, now_s, failed)
    wish = _wish(pairing, me, successor, sight, policy, now_s, wall_s)
    situation = HoldSituation(
        claim=claim,
        standing=standing_of(me.registration, sight, timing, now_s),
        here=me.here,
        ready=Readiness.READY if _could_serve(claim, me, hold) else Readiness.NOT_READY,
        permission=me.permission,
        pace=_pace(pairing, me, sight, timing, policy, now_s, wall_s),
        wish=wish,
    )
    rule = hold_rule_for(situation)
    reason = _reason(me.give, wish, successor) if claim is Claim.MINE else ""
    if reason and not successor:
        reason += f"; {why_no_standby(pairing, me.name, sight, timing, now_s, failed)}"
    decision = HoldDecision(claim, situation, rule, reason=reason)
    record = _record_after(decision, pairing, me, sight, successor, failed, wall_s)
    if me.registration is None or record is None:
        return decision
    fences = _fenced(pairing, sight) if rule.verb is HoldVerb.TAKE_OVER else ""
    expected = compared(pairing, me.name, me.registration, sight, fences)
    return replace(decision, record=record, expected=expected, fences=fences)


def _record_after(
    decision: HoldDecision,
    pairing: str,
    me: Self,
    sight: Sight,
    successor: str,
    failed: frozenset[str],
    wall_s: float,
) -> HoldRecord | None:
    """What is to be written, None: nothing."""
    hold, verb = _hold(pairing, sight), decision.rule.verb
    if me.registration is None:
        return None
    if verb is HoldVerb.RELEASE:
        return _released(hold, successor, me, failed, wall_s)
    if verb in (HoldVerb.CLAIM, HoldVerb.TAKE_OVER):
        return _taken(hold, me, me.registration, decision.claim, failed, wall_s)
    if decision.claim is Claim.MINE and hold is not None and me.stopped not in (None, hold.stopped):
        return replace(hold, stopped=bool(me.stopped))
    return None


def standing_of(registration: Registration | None, sight: Sight, timing: Timing, now_s: float) -> Standing:
    """How this daemon stands in the store. What its last renewal does not cover any more is over."""
    if registration is None or now_s >= registration.sent_s + timing.deadline_s:
        return Standing.NONE
    return Standing.SEASONED if is_seasoned(registration, sight, timing, now_s) else Standing.NEW


def compared(
    pairing: str, me: str, registration: Registration, sight: Sight, fences: str
) -> Mapping[str, int]:
    """What must not have changed for a change of hands: the pairing, this daemon, and who is fenced."""
    held = sight.holds.get(pairing)
    expected = {
        hold_key(pairing): held.revision if held else 0,
        controller_key(me): registration.revision,
    }
    if fences:
        seen = sight.controller(fences)
        expected[controller_key(fences)] = seen.revision if seen else 0
    return expected


def dead_since_s(pairing: str, me: str, sight: Sight, timing: Timing) -> float | None:
    """When whoever held it must have been dead, by the local clock; None: nothing shows that anybody is.

    Nothing does for a first hold, and for one that was this controller's own: its units are dead, and who
    else may have started one meanwhile only Nova's record tells.
    """
    seen = sight.holds.get(pairing)
    if seen is None or seen.value is None or seen.value.holder == me:
        return None
    holder = sight.controller(seen.value.holder) if seen.value.holder else None
    if holder is None:
        return seen.same_since_s
    if has_ended(holder, seen.value):
        return max(seen.same_since_s, holder.same_since_s)
    return holder.since_s + wait_for_s(holder, timing) - timing.margin_s


def _hold(pairing: str, sight: Sight) -> HoldRecord | None:
    seen = sight.holds.get(pairing)
    return seen.value if seen else None


def _fenced(pairing: str, sight: Sight) -> str:
    """Its holder, where that one's registration has not ended in another way."""
    hold = _hold(pairing, sight)
    seen = sight.controller(hold.holder) if hold and hold.holder else None
    if hold is None or seen is None:
        return ""
    return "" if has_ended(seen, hold) else hold.holder


def _could_serve(claim: Claim, me: Self, hold: HoldRecord | None) -> bool:
    """Whether this controller is good for it, or a human says that it is good enough."""
    if me.vantage.ready:
        return True
    accepted = hold.accepted if hold and claim is Claim.OFFERED else ()
    return accepts(me.vantage, (*accepted, *(me.accept if me.take else ())))


def _taken(
    hold: HoldRecord | None,
    me: Self,
    registration: Registration,
    claim: Claim,
    failed: frozenset[str],
    wall_s: float,
) -> HoldRecord:
    """The hold as it is written by its new holder. Only what no human asked for counts as a move."""
    if hold is None:
        return HoldRecord(me.name, registration.incarnation, epoch=1)
    moved = claim in (Claim.FREE, Claim.SILENT) and hold.holder not in ("", me.name) and not me.take
    return HoldRecord(
        holder=me.name,
        incarnation=registration.incarnation,
        epoch=hold.epoch + 1,
        moves=(*hold.moves, wall_s) if moved else hold.moves,
        failed={name: hold.failed[name] for name in failed if not (me.take and name == me.name)},
    )


def _released(
    hold: HoldRecord | None, successor: str, me: Self, failed: frozenset[str], wall_s: float
) -> HoldRecord | None:
    """The hold as its holder leaves it. Whom a human names has not failed any more."""
    if hold is None:
        return None
    give = me.give or Give("")
    still = {name: hold.failed[name] for name in failed if not (give.by_human and name == successor)}
    return replace(
        hold,
        holder="",
        incarnation="",
        successor=successor,
        stopped=hold.stopped if me.stopped is None else me.stopped,
        moves=hold.moves if give.by_human else (*hold.moves, wall_s),
        accepted=give.accept if give.by_human else (),
        failed=still | ({me.name: wall_s} if give.has_failed else {}),
    )


def _wish(
    pairing: str, me: Self, successor: str, sight: Sight, policy: HoldPolicy, now_s: float, wall_s: float
) -> Wish:
    give, hold = me.give, _hold(pairing, sight)
    if me.take and not (give is not None and give.by_human):
        return Wish.TAKE
    if give is None or not (give.by_human or me.permission is Permission.PROTECT):
        return Wish.KEEP
    if not give.begins and pairing not in me.stopping:
        return Wish.KEEP
    spent = hold is not None and moves_left(hold, policy, wall_s) == 0
    if not successor or (spent and not give.by_human):
        return Wish.GIVE_TO_NOBODY
    # What has begun goes on: it is half dead already.
    waits = not give.by_human and pairing not in me.stopping
    if waits and (set(me.near) & set(me.stopping) or unsettled(me.near, sight, now_s)):
        return Wish.WAIT
    return Wish.GIVE


def _reason(give: Give | None, wish: Wish, successor: str) -> str:
    if give is None or wish in (Wish.KEEP, Wish.TAKE):
        return ""
    if wish is Wish.GIVE_TO_NOBODY:
        return f"{give.why}; {successor} could take it, but it has moved too often" if successor else give.why
    return f"{give.why}, and not from {successor}" if give.ready_for_s else f"{give.why}: to {successor}"


def _pace(
    pairing: str,
    me: Self,
    sight: Sight,
    timing: Timing,
    policy: HoldPolicy,
    now_s: float,
    wall_s: float,
) -> Pace:
    hold = _hold(pairing, sight)
    if hold is None:
        return Pace.READY
    if hold.holder not in ("", me.name) and moves_left(hold, policy, wall_s) == 0:
        return Pace.SPENT
    if hold.holder == me.name:
        return Pace.READY  # it was held here: the least of all moves
    failed = failed_lately(hold, policy, wall_s)
    mine = rank(me.name, sight, failed)
    earlier = [
        name
        for name in ready_standbys(pairing, me.name, sight, timing, now_s, failed)
        if name == hold.holder or rank(name, sight, failed) < mine
    ]
    free_since_s = _free_since_s(pairing, sight, timing)
    if me.registration is not None:
        # All of them may have registered at the same time, after an outage of the store.
        free_since_s = max(free_since_s, me.registration.registered_at_s + timing.takeover_wait_s)
    waiting = now_s < free_since_s + len(earlier) * 2 * timing.renew_s
    return Pace.BACKING_OFF if waiting else Pace.READY


def _free_since_s(pairing: str, sight: Sight, timing: Timing) -> float:
    """Since when it can have been free: the youngest of the records that make it so."""
    seen = sight.holds[pairing]
    holder = sight.controller(seen.value.holder) if seen.value and seen.value.holder else None
    if holder is None or seen.value is None:
        return seen.same_since_s
    if has_ended(holder, seen.value):
        return max(seen.same_since_s, holder.same_since_s)
    return max(seen.same_since_s, holder.since_s + wait_for_s(holder, timing))
