"""Whose a pairing is, as far as this controller can tell."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from nova_watchdog.core.hold.records import (
    MAX_DEADLINE_S,
    MAX_KILL_S,
    ControllerRecord,
    HoldRecord,
)
from nova_watchdog.core.hold.sight import Seen, Sight
from nova_watchdog.core.hold.timing import Timing, takeover_wait_s


class Claim(enum.Enum):
    """Whose it is. The last four may be taken."""

    UNREAD = "unread"  # the store gave no answer yet, or its record cannot be read
    NOBODY = "nobody"  # no record: it never was anybody's
    MINE = "mine"
    HELD = "held"  # by another controller, which renews
    RESERVED = "reserved"  # released for another controller, which has not taken it yet
    STOPPED = "stopped"  # nobody's that renews, and a human stopped it on purpose
    FREE = "free"  # its holder's registration has ended, with all its units dead
    OFFERED = "offered"  # released for this controller
    SILENT = "silent"  # its holder's record stood still for W


@dataclass(frozen=True, slots=True)
class Registration:
    """This daemon in the store: confirmed by the store's answer, or by a read that showed it.

    revision, seq: of its record as last confirmed. sent_s: when that attempt was sent.
    registered_at_s: receipt of the confirmation of its first one; a continued one keeps counting from the
        daemon's start.
    """

    incarnation: str
    revision: int
    seq: int
    sent_s: float
    registered_at_s: float


def claim_of(
    pairing: str, me: str, incarnation: str | None, sight: Sight, timing: Timing, now_s: float
) -> Claim:
    """Whose `pairing` is. `incarnation`: of this daemon's registration, None without one."""
    if sight.began_at_s is None:
        return Claim.UNREAD
    hold = sight.holds.get(pairing)
    if hold is None:
        return Claim.NOBODY
    if hold.value is None:
        return Claim.UNREAD
    if is_mine(hold.value, me, incarnation):
        return Claim.MINE
    claim = _of_others(hold, hold.value, me, sight, timing, now_s)
    takeable = claim in (Claim.FREE, Claim.OFFERED, Claim.SILENT)
    return Claim.STOPPED if takeable and hold.value.stopped else claim


def is_mine(hold: HoldRecord, me: str, incarnation: str | None) -> bool:
    """A hold is of a controller *and* its registration: that of an earlier one is over."""
    return incarnation is not None and hold.holder == me and hold.incarnation == incarnation


def _of_others(
    seen: Seen[HoldRecord], hold: HoldRecord, me: str, sight: Sight, timing: Timing, now_s: float
) -> Claim:
    if not hold.holder:
        if hold.successor == me:
            return Claim.OFFERED
        waited = now_s - seen.since_s >= timing.takeover_wait_s
        return Claim.FREE if waited or not hold.successor else Claim.RESERVED
    holder = sight.controller(hold.holder)
    if holder is None or holder.problem:
        return Claim.UNREAD
    if has_ended(holder, hold):
        return Claim.FREE
    return Claim.SILENT if now_s - holder.since_s >= wait_for_s(holder, timing) else Claim.HELD


def has_ended(holder: Seen[ControllerRecord], hold: HoldRecord) -> bool:
    """Whether the registration that holds is over, by its controller's own record."""
    record = holder.value
    return record is not None and (record.incarnation != hold.incarnation or record.fenced)


def wait_for_s(holder: Seen[ControllerRecord], timing: Timing) -> float:
    """W against that controller. Where its record is gone (by hand, in a restored store), by its last one."""
    record = holder.value or holder.lost
    if record is None:
        return takeover_wait_s(MAX_DEADLINE_S, MAX_KILL_S, timing.margin_s)
    return takeover_wait_s(record.deadline_s, record.kill_s, timing.margin_s)


def silent_at_s(pairing: str, sight: Sight, timing: Timing) -> float | None:
    """When its holder will have been silent for W unless it renews; None: nobody holds it."""
    seen = sight.holds.get(pairing)
    holder = sight.controller(seen.value.holder) if seen and seen.value and seen.value.holder else None
    return None if holder is None else holder.since_s + wait_for_s(holder, timing)


def is_seasoned(registration: Registration, sight: Sight, timing: Timing, now_s: float) -> bool:
    """Whether this daemon was registered for long enough to take what others may have held.

    Whoever holds by a record that a restored store has forgotten is dead by then (docs/safety.md).
    """
    wait_s = max(timing.takeover_wait_s, sight.longest_wait_s + timing.margin_s)
    return now_s - registration.registered_at_s >= wait_s
