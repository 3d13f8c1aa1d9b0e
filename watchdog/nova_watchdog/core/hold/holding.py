"""What the rest of the daemon needs to know of a hold."""

from __future__ import annotations

from dataclasses import dataclass

from nova_watchdog.core.hold.claims import Claim

# Between the last look at the deadline and systemd's answer to a start.
START_RESERVE_S = 1.0
# The timer is set earlier than the deadline, so that the way to systemd does not make it late. Twice that, to
# tell what it stopped from what a human did.
ARM_EARLY_S = 0.25
DEADLINE_EARLY_S = 2 * ARM_EARLY_S


@dataclass(frozen=True, slots=True)
class Holding:
    """One pairing's hold as this controller knows it at one moment.

    until_s: the deadline that is armed and verified; None: none is, so nothing may be done.
    since_s: when this hold began here, by the local clock: what happened to the unit before was not a
        human's wish against it.
    dead_since_s: when whoever ran it before must have been dead; None: nothing is known about that, so only
        a silent Nova shows it.
    came: it was taken, and not only kept, from somebody who is dead: a takeover.
    holder: the controller that holds it, empty: none, or not known. epoch: 0 without a record.
    stopped: a human stopped it on purpose, under whoever held it then.
    rule, why: of the table of holding.
    """

    claim: Claim
    until_s: float | None = None
    since_s: float = 0.0
    dead_since_s: float | None = None
    came: bool = False
    holder: str = ""
    epoch: int = 0
    stopped: bool = False
    rule: str = ""
    why: str = ""

    def covers(self, at_s: float) -> bool:
        """Whether what happened then happened under this hold: not before it, and not by its deadline."""
        return self.until_s is not None and self.since_s <= at_s < self.until_s - DEADLINE_EARLY_S

    def allows(self, now_s: float) -> bool:
        """Whether this controller may start or change something for the pairing now."""
        if self.claim is not Claim.MINE or self.until_s is None:
            return False
        return now_s + START_RESERVE_S < self.until_s
