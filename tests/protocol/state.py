"""One state of the bare protocol, packed into bytes: two controllers and the store.

A revision or an incarnation is never a number here. What matters is whether the one that somebody knows
is still the store's, so it is a set of bits: CURRENT (the store has exactly this version), BACKUP (the
backup has it), LATER (it is younger than the backup). A write to a record takes CURRENT from everybody
who knew it; restoring the backup makes CURRENT of BACKUP. So revisions, incarnations and restarts need no
bound.
"""

from __future__ import annotations

from typing import Final

State = bytes
Draft = bytearray  # a state that is being changed

CURRENT: Final = 1
BACKUP: Final = 2
LATER: Final = 4  # of what was seen of the other's record: something was
DOUBTED: Final = 8  # of a renewal's request: it was sent before the daemon began to doubt its hold
IN_A_STORE: Final = CURRENT | BACKUP
NOT_CURRENT: Final = 0xFF - CURRENT

# Fields of one controller.
DAEMON: Final = 0  # DOWN, CLEANING, UP or RELEASING
FILE: Final = 1  # the incarnation in /run: in which stores `controllers/<me>` carries it
INCARNATION: Final = 2  # the one that the daemon goes by, likewise
REVISION: Final = 3  # the revision of its own record that the daemon knows
FENCED: Final = 4  # `controllers/<me>` is fenced: bit CURRENT in the store, bit BACKUP in the backup
HOLD: Final = 5  # `holds/P` in the store names me: NOT_MINE, FORMER (an incarnation of before) or MINE
BACKUP_HOLD: Final = 6  # the same in the backup
UNWRITTEN: Final = 7  # `controllers/<me>` was not written since the backup
BELIEVES: Final = 8  # the daemon believes that it holds the pairing
RENEWED: Final = 9  # a renewal was confirmed since the daemon started or began to doubt
OTHER_REVISION: Final = 10  # the revision of the other's record that the daemon saw
OTHER_AGE: Final = 11  # ticks since the receipt of the first answer that showed it, at most the wait
HOLD_REVISION: Final = 12  # the revision of `holds/P` that the daemon knows
TIMER: Final = 13  # the deadline timer: NEVER armed, PASSED, or PASSED + ticks left
TOKEN: Final = 14  # ticks for which the token is valid, 0 without one
UNIT: Final = 15  # DEAD, RUNS, or RUNS + ticks that the deadline's kill may still take
REGISTERED: Final = 16  # ticks since the answer to the registration, at most the wait
ARMING: Final = 17  # only where a length is armed: that length, as computed
# Requests on their way, each (what and how far, the revisions it compares or knows, ticks since it was sent).
LEASE: Final = 18  # a renewal or a registration
EARLIER: Final = 21  # one that nobody waits for any more
CHANGE: Final = 24  # a takeover, a release, or a fence for another pairing
WHAT, KNOWS, AGE = range(3)
FIELDS: Final = 27

A: Final = 0
B: Final = FIELDS

# Fields of the store.
BACKED_UP: Final = 2 * FIELDS  # NO_BACKUP, TAKEN or RESTORED
BACKUP_AGE: Final = BACKED_UP + 1  # ticks since it was taken, at most the least age of a restore
HOLD_UNWRITTEN: Final = BACKED_UP + 2  # `holds/P` was not written since the backup
SIZE: Final = BACKED_UP + 3

DOWN, CLEANING, UP, RELEASING = range(4)
NOT_MINE, FORMER, MINE = range(3)
NEVER, PASSED = range(2)
DEAD, RUNS = range(2)
NO_BACKUP, TAKEN, RESTORED = range(3)

RENEW, REGISTER, TAKE, TAKE_FREE, RELEASE, FENCE = range(6)
KINDS: Final = ("renewal", "registration", "takeover", "takeover", "release", "fence for another pairing")
SENT, ORPHAN, DONE = range(3)  # ORPHAN: whoever sent it waits no more, yet the store may still commit it
_STAGES = 3


def request(kind: int, stage: int) -> int:
    """The WHAT of a request; 0 is none."""
    return kind * _STAGES + stage + 1


def parts(what: int) -> tuple[int, int]:
    """Kind and stage of a request."""
    return divmod(what - 1, _STAGES)
