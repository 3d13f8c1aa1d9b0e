"""What the store shows of the other controllers, for the comparison with this one."""

from __future__ import annotations

from nova_watchdog.core.hold.sight import Sight
from nova_watchdog.core.hold.standbys import renews
from nova_watchdog.core.hold.timing import Timing
from nova_watchdog.core.preflight.witnesses import Others


def others_of(pairing: str, me: str, sight: Sight, timing: Timing, now_s: float) -> Others:
    """Who holds the pairing, who renews, and what each says that must be the same everywhere."""
    hold = sight.holds.get(pairing)
    identities = {
        name: seen.value.vantages[pairing].identity
        for name, seen in sight.controllers.items()
        if seen.value is not None and name != me and pairing in seen.value.vantages
    }
    return Others(
        me=me,
        holder=hold.value.holder if hold and hold.value else "",
        renews=frozenset(name for name, seen in sight.controllers.items() if renews(seen, timing, now_s)),
        identities=identities,
    )
