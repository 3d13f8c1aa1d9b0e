"""What the other pairings of the same vCenter or message bus say about acting on this one.

Two that are suspect at once have a shared cause, which no action on one of them mends. Suspect means a
verdict by inference: that systemd says a process has ended is a fact, not a suspicion.

What arrives at a takeover is not kept waiting by what arrives with it: their cause is known, and it is gone
(docs/adr/0021).
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from nova_watchdog.core.diagnose import Diagnosis
from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.hold.holding import Holding
from nova_watchdog.core.memory import Memory
from nova_watchdog.core.model import Pairing
from nova_watchdog.core.policy import Policy

_SUSPECT = frozenset({Diagnosis.PROCESS_HUNG, Diagnosis.UNRESPONSIVE, Diagnosis.NOT_REPORTING})


class Breaker(enum.Enum):
    """Whether an action may go out as far as the others are concerned."""

    CLOSED = "closed"
    BUSY = "busy"  # another one was just acted upon
    SHARED = "shared"  # another one is suspect too


@dataclass(frozen=True, slots=True)
class Peer:
    """Another pairing. `acted_at_s`: the last start or kill that this daemon decided, None: none.

    arrived: that was its first start after a takeover.
    """

    pairing: Pairing
    suspect: bool
    settled: bool
    acted_at_s: float | None
    arrived: bool = False


def is_suspect(diagnosis: Diagnosis, memory: Memory) -> bool:
    """Whether the pairing is, or seems about to be, in a verdict by inference."""
    return diagnosis in _SUSPECT or memory.unanswered_since_s is not None


def arrives(holding: Holding | None, memory: Memory, acted_at_s: float | None) -> bool:
    """Whether a pairing came from another controller, and neither ran here nor was acted upon since."""
    if holding is None or holding.claim is not Claim.MINE or not holding.came:
        return False
    acted = acted_at_s is not None and acted_at_s >= holding.since_s
    return not acted and not memory.process_lives and memory.process_ended_at_s < holding.since_s


def breaker_of(
    pairing: Pairing, peers: Iterable[Peer], policy: Policy, now_s: float, *, arriving: bool = False
) -> Breaker:
    """What stands against an action on `pairing`: one at a time, and none where others are suspect too.

    Busy outranks shared: it holds a start back too, and who was just started may well be silent as yet.
    arriving: it was just taken over (`arrives`).
    """
    found = Breaker.CLOSED
    for peer in peers:
        # Almost every peer says nothing: who is near is asked of the few that do.
        waits = peer.acted_at_s is not None and not peer.settled and not (arriving and peer.arrived)
        busy = waits and now_s - (peer.acted_at_s or 0.0) < policy.action_spacing_s
        if (busy or peer.suspect) and share(pairing, peer.pairing):
            if busy:
                return Breaker.BUSY
            found = Breaker.SHARED
    return found


def share(one: Pairing, other: Pairing) -> bool:
    """Whether they are two, of the same vCenter or message bus."""
    if one.name == other.name:
        return False
    return one.vcenter == other.vcenter or (bool(one.bus) and one.bus == other.bus)


def has_own_account(pairing: Pairing, peers: Iterable[Peer]) -> bool:
    """Whether no other pairing here has its vCenter account."""
    others = (one.pairing for one in peers if one.pairing.name != pairing.name)
    return all(one.vcenter != pairing.vcenter for one in others)
