"""One pairing's hold: what is seen in, what is to be written or done out. Nothing is done here."""

from __future__ import annotations

from collections.abc import Mapping
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
from nova_watchdog.core.hold.records import MOVES_KEPT, HoldRecord, Vantage, controller_key, hold_key
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
from nova_watchdog.core.hold.timing import Timing
from nova_watchdog.core.permission import Permission


@dataclass(frozen=True, slots=True)
class HoldPolicy:
    """How often a pairing may change hands without a human.

    move_budget: moves allowed in `move_window_s` before only a human may move it; 1 to 20.
    move_window_s: how long a move counts against the budget.
    """

    move_budget: int = 4
    move_window_s: float = 3600.0

    def problems(self) -> list[tuple[str, str, str]]:
        """Every broken bound as (key, what is wrong, what is allowed)."""
        found = []
        if not 1 <= self.move_budget <= MOVES_KEPT:
            found.append(("move_budget", f"is {self.move_budget}", f"1 to {MOVES_KEPT}"))
        if not self.move_window_s > 0:
            found.append(("move_window_s", f"is {self.move_window_s:g}", "more than 0"))
        return found


@dataclass(frozen=True, slots=True)
class Give:
    """The wish that a pairing held here goes to another controller. `to`: empty: to the best standby."""

    why: str
    to: str = ""
    by_human: bool = False


@dataclass(frozen=True, slots=True)
class Self:
    """This controller, as far as one pairing is concerned."""

    name: str
    registration: Registration | None
    here: HereFact
    vantage: Vantage
    permission: Permission
    give: Give | None = None
    take: bool = False
    stopped: bool | None = None


@dataclass(frozen=True, slots=True)
class HoldDecision:
    """What was judged, by which rule, and what is to be written first.

    expected: the revisions that the transaction compares. record: what it writes for the pairing, None:
    nothing is written. fences: the controller whose record is marked as fenced with it, empty: none.
    """

    claim: Claim
    situation: HoldSituation
    rule: HoldRule
    record: HoldRecord | None = None
    expected: Mapping[str, int] | None = None
    fences: str = ""


def decide_hold(
    pairing: str, me: Self, sight: Sight, timing: Timing, policy: HoldPolicy, now_s: float, wall_s: float
) -> HoldDecision:
    """Judge one pairing's hold."""
    incarnation = me.registration.incarnation if me.registration else None
    claim = claim_of(pairing, me.name, incarnation, sight, timing, now_s)
    successor = successor_of(pairing, me, sight, timing, now_s)
    situation = HoldSituation(
        claim=claim,
        standing=standing_of(me.registration, sight, timing, now_s),
        here=me.here,
        ready=Readiness.READY if me.vantage.ready else Readiness.NOT_READY,
        permission=me.permission,
        pace=_pace(pairing, me, sight, timing, policy, now_s, wall_s),
        wish=_wish(me, successor, _hold(pairing, sight), policy, wall_s),
    )
    rule = hold_rule_for(situation)
    decision = HoldDecision(claim, situation, rule)
    record = _record_after(decision, pairing, me, sight, successor, wall_s)
    if me.registration is None or record is None:
        return decision
    fences = _fenced(pairing, sight) if rule.verb is HoldVerb.TAKE_OVER else ""
    expected = compared(pairing, me.name, me.registration, sight, fences)
    return replace(decision, record=record, expected=expected, fences=fences)


def _record_after(
    decision: HoldDecision, pairing: str, me: Self, sight: Sight, successor: str, wall_s: float
) -> HoldRecord | None:
    """What is to be written, None: nothing."""
    hold, verb = _hold(pairing, sight), decision.rule.verb
    if me.registration is None:
        return None
    if verb is HoldVerb.RELEASE:
        return _released(hold, successor, me, wall_s)
    if verb in (HoldVerb.CLAIM, HoldVerb.TAKE_OVER):
        return _taken(hold, me, me.registration, decision.claim, wall_s)
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


def successor_of(pairing: str, me: Self, sight: Sight, timing: Timing, now_s: float) -> str:
    """The standby that would be the next holder: ready, renewing, the first by name; empty: none."""
    ready = ready_standbys(pairing, me.name, sight, timing, now_s)
    if me.give is not None and me.give.to:
        return me.give.to if me.give.to in ready else ""
    return ready[0] if ready else ""


def ready_standbys(pairing: str, me: str, sight: Sight, timing: Timing, now_s: float) -> list[str]:
    """The other controllers that renew and could serve the pairing, by name."""
    return [
        name
        for name, seen in sorted(sight.controllers.items())
        if name != me
        and seen.value is not None
        and not seen.value.fenced
        and now_s - seen.since_s < wait_for_s(seen, timing)
        and seen.value.vantages.get(pairing, Vantage(ready=False)).ready
    ]


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


def _taken(
    hold: HoldRecord | None, me: Self, registration: Registration, claim: Claim, wall_s: float
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
    )


def _released(hold: HoldRecord | None, successor: str, me: Self, wall_s: float) -> HoldRecord | None:
    if hold is None:
        return None
    by_human = me.give is not None and me.give.by_human
    return replace(
        hold,
        holder="",
        incarnation="",
        successor=successor,
        stopped=hold.stopped if me.stopped is None else me.stopped,
        moves=hold.moves if by_human else (*hold.moves, wall_s),
    )


def _wish(me: Self, successor: str, hold: HoldRecord | None, policy: HoldPolicy, wall_s: float) -> Wish:
    give = me.give
    if me.take and not (give is not None and give.by_human):
        return Wish.TAKE
    if give is None or not (give.by_human or me.permission is Permission.PROTECT):
        return Wish.KEEP
    spent = hold is not None and moves_left(hold, policy, wall_s) == 0
    if not successor or (spent and not give.by_human):
        return Wish.GIVE_TO_NOBODY
    return Wish.GIVE


def moves_left(hold: HoldRecord, policy: HoldPolicy, wall_s: float) -> int:
    """How many more moves without a human the budget allows. One of far ahead was a wrong clock's."""
    recent = sum(1 for at_s in hold.moves if abs(wall_s - at_s) < policy.move_window_s)
    return max(0, policy.move_budget - recent)


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
    earlier = [
        name
        for name in ready_standbys(pairing, me.name, sight, timing, now_s)
        if name < me.name or name == hold.holder
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
