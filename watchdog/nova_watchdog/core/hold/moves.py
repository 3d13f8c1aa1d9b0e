"""Moves that no human asks for: why, how often, and one at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nova_watchdog.core.hold.records import MOVES_KEPT, HoldRecord
from nova_watchdog.core.hold.sight import Sight

# What a standby says of itself may be as old as a reading may be, and then as its record may be before the
# standby counts as silent. With a vCenter that is away for everybody it must have taken that back by then.
_LEAST_PATH_LOST_HOLD_S = 45.0
_MOST_PATH_LOST_HOLD_S = 3600.0
# After so long the next pairing may move, though this one was never seen to be served.
SETTLES_WITHIN_S = 300.0


@dataclass(frozen=True, slots=True)
class HoldPolicy:
    """How often, and how soon, a pairing may change hands without a human.

    move_budget: moves allowed in `move_window_s` before only a human may move it; 1 to 20.
    move_window_s: how long a move counts against the budget, and for how long a controller that could not
        make a pairing work is not tried again.
    path_lost_hold_s: how long vCenter or the message bus must not have been reached from here, and a standby
        must have been ready all the while, before the pairing moves there; 45 to 3600.
    """

    move_budget: int = 4
    move_window_s: float = 3600.0
    path_lost_hold_s: float = 60.0

    def problems(self) -> list[tuple[str, str, str]]:
        """Every broken bound as (key, what is wrong, what is allowed)."""
        found = []
        if not 1 <= self.move_budget <= MOVES_KEPT:
            found.append(("move_budget", f"is {self.move_budget}", f"1 to {MOVES_KEPT}"))
        if not self.move_window_s > 0:
            found.append(("move_window_s", f"is {self.move_window_s:g}", "more than 0"))
        if not _LEAST_PATH_LOST_HOLD_S <= self.path_lost_hold_s <= _MOST_PATH_LOST_HOLD_S:
            allowed = f"{_LEAST_PATH_LOST_HOLD_S:g} to {_MOST_PATH_LOST_HOLD_S:g}"
            found.append(("path_lost_hold_s", f"is {self.path_lost_hold_s:g}", allowed))
        return found


@dataclass(frozen=True, slots=True)
class Give:
    """The wish that a pairing held here goes to another controller. `to`: empty: to the best standby.

    accept: failing checks of the next holder that a human accepts.
    has_failed: this controller could not make it work: it is not tried again soon.
    ready_for_s: for how long the next holder must have been ready without a break.
    proves: what it must have shown to reach, beside that nothing speaks against it.
    begins: a stop may be asked for; else only what has begun goes on: somebody else may be stopping it.
    """

    why: str
    to: str = ""
    by_human: bool = False
    accept: tuple[str, ...] = ()
    has_failed: bool = False
    ready_for_s: float = 0.0
    proves: tuple[str, ...] = ()
    begins: bool = True


def moves_left(hold: HoldRecord, policy: HoldPolicy, wall_s: float) -> int:
    """How many more moves without a human the budget allows. One of far ahead was a wrong clock's."""
    recent = sum(1 for at_s in hold.moves if _is_recent(at_s, policy, wall_s))
    return max(0, policy.move_budget - recent)


def failed_lately(hold: HoldRecord | None, policy: HoldPolicy, wall_s: float) -> frozenset[str]:
    """The controllers that could not make it work, as long as that counts."""
    failed = hold.failed.items() if hold else ()
    return frozenset(name for name, at_s in failed if _is_recent(at_s, policy, wall_s))


def _is_recent(at_s: float, policy: HoldPolicy, wall_s: float) -> bool:
    return abs(wall_s - at_s) < policy.move_window_s


def unsettled(pairings: Iterable[str], sight: Sight, now_s: float) -> list[str]:
    """Those that changed hands lately and were not seen to be served since: another move waits for them."""
    return [name for name in pairings if not _is_settled(name, sight, now_s)]


def _is_settled(pairing: str, sight: Sight, now_s: float) -> bool:
    seen = sight.holds.get(pairing)
    if seen is None or seen.value is None or seen.value.stopped:
        return True
    if now_s - seen.same_since_s >= SETTLES_WITHIN_S:
        return True
    return sight.served.get(pairing) == (seen.value.holder, seen.value.epoch)
