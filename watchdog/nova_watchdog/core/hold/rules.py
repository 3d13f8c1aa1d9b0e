"""THE table of holding: who takes, keeps and gives up a pairing. Data and nothing else.

Columns: whose the pairing is, how this daemon stands in the store, the unit here, whether this controller
could serve, the permission to act, the budget and the order of the standbys, and whether its holder wants
to give it up. First match wins.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from nova_watchdog.core.budget import Pace
from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.permission import Permission
from nova_watchdog.core.table import When, first_match, when


class Standing(enum.Enum):
    """This daemon in the store."""

    NONE = "none"  # not registered, or its last renewal is over
    NEW = "new"  # registered for less than W
    SEASONED = "seasoned"


class HereFact(enum.Enum):
    """The pairing's unit on this controller."""

    UNSURE = "unsure"  # systemd gives no answer, or works on it
    RUNS = "runs"
    DEAD = "dead"  # no process and no job


class Wish(enum.Enum):
    """What is wanted of a pairing that is held here."""

    KEEP = "keep"
    GIVE = "give"  # to the standby that is ready for it
    GIVE_TO_NOBODY = "give-to-nobody"  # wanted, and no standby is ready
    WAIT = "wait"  # wanted, and another one of the same vCenter or message bus moves just now
    TAKE = "take"  # a human wants this controller to have it


class HoldVerb(enum.Enum):
    """What a row does."""

    NOTHING = "nothing"
    CLAIM = "claim"  # take what is nobody's
    TAKE_OVER = "take-over"  # take it and fence the one who held it
    STOP = "stop"  # take the token back and stop the unit, with its full grace
    RELEASE = "release"  # write that it is nobody's, and for whom
    KILL = "kill"  # it runs here without a hold


class Readiness(enum.Enum):
    """Whether this controller could serve the pairing now."""

    NOT_READY = "not-ready"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class HoldSituation:
    """The columns of the table."""

    claim: Claim
    standing: Standing
    here: HereFact
    ready: Readiness
    permission: Permission
    pace: Pace
    wish: Wish


@dataclass(frozen=True, slots=True)
class HoldRule:
    """One row. `why` becomes the log line and the history's; `remedy` tells a human what to do."""

    number: str
    when: When
    verb: HoldVerb
    why: str
    remedy: str = ""


_TAKEABLE = (Claim.FREE, Claim.OFFERED, Claim.SILENT)
_NOT_MINE = (Claim.HELD, Claim.RESERVED, Claim.STOPPED, *_TAKEABLE)
_HELD_BACK = (Permission.PAUSED, Permission.MAINTENANCE, Permission.NO_RECORD, Permission.NOT_HELD)
_NOT_ASKED = (Wish.KEEP, Wish.GIVE, Wish.GIVE_TO_NOBODY, Wish.WAIT)

TABLE: tuple[HoldRule, ...] = (
    HoldRule(
        "H01",
        when(permission=Permission.OBSERVE),
        HoldVerb.NOTHING,
        "only observed, by its mode or because its unit is not adopted here: nothing is taken",
    ),
    HoldRule(
        "H02",
        when(claim=Claim.UNREAD),
        HoldVerb.NOTHING,
        "the store does not tell whose it is: nothing is taken",
        "see the store's problem in 'nova-watchdog status'",
    ),
    HoldRule(
        "H03",
        when(claim=_NOT_MINE, here=HereFact.RUNS),
        HoldVerb.KILL,
        "it runs here without a hold: kill it, two of them destroy each other's work",
        "find out who started it past its condition: 'journalctl -u UNIT'",
    ),
    HoldRule(
        "H04",
        when(standing=Standing.NONE),
        HoldVerb.NOTHING,
        "this daemon has no confirmed renewal: nothing is taken or started",
        "see the store's problem in 'nova-watchdog status'",
    ),
    # Held here
    HoldRule(
        "H09",
        when(claim=Claim.MINE, wish=Wish.WAIT),
        HoldVerb.NOTHING,
        "it should move; another pairing of the same vCenter or message bus does just now: one at a time",
    ),
    HoldRule(
        "H10",
        when(claim=Claim.MINE, wish=Wish.GIVE, here=(HereFact.RUNS, HereFact.UNSURE)),
        HoldVerb.STOP,
        "it is given to a standby: stop it here first, with all the time it needs",
    ),
    HoldRule(
        "H11",
        when(claim=Claim.MINE, wish=Wish.GIVE, here=HereFact.DEAD),
        HoldVerb.RELEASE,
        "it is dead here: release it for the standby",
    ),
    HoldRule(
        "H12",
        when(claim=Claim.MINE, wish=Wish.GIVE_TO_NOBODY),
        HoldVerb.NOTHING,
        "it should move, and no standby is ready, or it has moved too often: kept here",
        "mend a standby: 'nova-watchdog status' says what each one lacks",
    ),
    HoldRule("H13", when(claim=Claim.MINE), HoldVerb.NOTHING, "held here"),
    # A first hold
    HoldRule(
        "H18",
        when(
            claim=Claim.NOBODY,
            wish=Wish.TAKE,
            here=HereFact.DEAD,
            ready=Readiness.READY,
            standing=Standing.SEASONED,
            permission=Permission.PROTECT,
        ),
        HoldVerb.CLAIM,
        "nobody's, and a human wants this controller to be its first holder",
    ),
    HoldRule(
        "H20",
        when(claim=Claim.NOBODY, here=HereFact.RUNS, permission=Permission.PROTECT),
        HoldVerb.CLAIM,
        "nobody's as yet, and it runs here: held from now on",
    ),
    HoldRule(
        "H21",
        when(claim=Claim.NOBODY),
        HoldVerb.NOTHING,
        "nobody's as yet: its first holder is the controller where it runs",
        "'nova-watchdog failover PAIRING --to CONTROLLER', the one where it belongs",
    ),
    # Another one's
    HoldRule("H30", when(claim=Claim.HELD), HoldVerb.NOTHING, "another controller holds it: stand by"),
    HoldRule("H31", when(claim=Claim.RESERVED), HoldVerb.NOTHING, "released for another one: wait for it"),
    HoldRule(
        "H32",
        when(claim=Claim.STOPPED, wish=_NOT_ASKED),
        HoldVerb.NOTHING,
        "a human stopped it before its holder went away: respected",
        "'nova-watchdog failover PAIRING --to CONTROLLER'; what is started without the hold is killed",
    ),
    # To be taken
    HoldRule(
        "H40",
        when(permission=_HELD_BACK),
        HoldVerb.NOTHING,
        "free to take; paused, in a maintenance window, or without a readable record: not taken",
        "'nova-watchdog resume PAIRING' ends a pause",
    ),
    HoldRule(
        "H41",
        when(standing=Standing.NEW),
        HoldVerb.NOTHING,
        "free to take; this daemon has not watched for long enough to be sure",
    ),
    HoldRule(
        "H42",
        when(here=HereFact.UNSURE),
        HoldVerb.NOTHING,
        "free to take; systemd here does not say how its unit is",
    ),
    HoldRule(
        "H43",
        when(ready=Readiness.NOT_READY),
        HoldVerb.NOTHING,
        "free to take; this controller could not serve it",
        "'nova-watchdog status' says what it lacks",
    ),
    HoldRule(
        "H44",
        when(claim=(Claim.FREE, Claim.SILENT), pace=Pace.SPENT, wish=_NOT_ASKED),
        HoldVerb.NOTHING,
        "free to take; it has moved too often: from now on only a human may move it",
        "'nova-watchdog history PAIRING' tells why it moved; what a human asks for is not counted",
    ),
    HoldRule(
        "H45",
        when(claim=(Claim.FREE, Claim.SILENT), pace=Pace.BACKING_OFF, wish=_NOT_ASKED),
        HoldVerb.NOTHING,
        "free to take; a standby that comes first takes it, if it can",
    ),
    HoldRule(
        "H50",
        when(claim=Claim.OFFERED),
        HoldVerb.CLAIM,
        "its holder released it for this controller: take it",
    ),
    HoldRule(
        "H51",
        when(claim=Claim.FREE),
        HoldVerb.CLAIM,
        "its holder's registration is over and its units are dead: take it",
    ),
    HoldRule(
        "H52",
        when(claim=Claim.SILENT),
        HoldVerb.TAKE_OVER,
        "its holder has not renewed for the takeover wait and must be dead: take it over",
    ),
    HoldRule(
        "H53",
        when(claim=Claim.STOPPED),
        HoldVerb.TAKE_OVER,
        "a human had stopped it, and a human wants it to run again: take it",
    ),
)


def hold_rule_for(situation: HoldSituation) -> HoldRule:
    """The row that decides."""
    return first_match(TABLE, situation)
