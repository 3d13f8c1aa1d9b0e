"""Which pairings' holds need no new judgement: nothing that the last one stood on has changed."""

from __future__ import annotations

from dataclasses import dataclass

from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.hold.records import HoldRecord
from nova_watchdog.core.hold.sight import Seen
from nova_watchdog.core.permission import Permission

# A unit whose change was not told is looked at again after so long all the same.
_STANDS_FOR_S = 30.0


@dataclass(frozen=True, slots=True)
class Ground:
    """What a judgement stands on, beside the unit. `is_asked`: somebody wishes that it moves."""

    claim: Claim
    hold: Seen[HoldRecord] | None
    incarnation: str
    ready: bool
    permission: Permission
    stopped: bool | None
    is_asked: bool

    @property
    def is_settled(self) -> bool:
        """Whether time alone changes nothing that could be done: it is held, and nobody wishes otherwise."""
        return self.claim in (Claim.MINE, Claim.HELD) and not self.is_asked


class Unchanged:
    """The judgements that stand. Only those by which nothing was to be done may be kept."""

    def __init__(self) -> None:
        self._stands: dict[str, tuple[Ground, float]] = {}
        self._undisturbed: set[str] = set()

    def stands(self, pairing: str, ground: Ground, now_s: float) -> bool:
        """Whether the last judgement of it is still good."""
        before, at_s = self._stands.get(pairing, (None, 0.0))
        return before == ground and now_s - at_s < _STANDS_FOR_S

    def begin(self, pairing: str) -> None:
        """It is judged anew, and its unit read for that."""
        self._stands.pop(pairing, None)
        self._undisturbed.add(pairing)

    def disturb(self, pairing: str) -> None:
        """Its unit changed: what is judged, or being judged, does not stand."""
        self._stands.pop(pairing, None)
        self._undisturbed.discard(pairing)

    def keep(self, pairing: str, ground: Ground, now_s: float) -> None:
        """Nothing is to be done, unless it was disturbed meanwhile."""
        if ground.is_settled and pairing in self._undisturbed:
            self._stands[pairing] = ground, now_s
