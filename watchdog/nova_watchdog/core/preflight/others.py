"""What the store shows of the other controllers, for the comparison with this one."""

from __future__ import annotations

from nova_watchdog.core.hold.claims import wait_for_s
from nova_watchdog.core.hold.sight import Sight
from nova_watchdog.core.hold.timing import Timing
from nova_watchdog.core.preflight.witnesses import Others


def others_of(pairing: str, me: str, sight: Sight, timing: Timing, now_s: float) -> Others:
    """Who holds the pairing, who renews, and what each says that must be the same everywhere."""
    hold = sight.holds.get(pairing)
    records = {name: seen for name, seen in sight.controllers.items() if seen.value is not None}
    renews = frozenset(
        name
        for name, seen in records.items()
        if seen.value is not None
        and not seen.value.fenced
        and now_s - seen.since_s < wait_for_s(seen, timing)
    )
    identities = {
        name: seen.value.vantages[pairing].identity
        for name, seen in records.items()
        if seen.value is not None and name != me and pairing in seen.value.vantages
    }
    return Others(
        me=me,
        holder=hold.value.holder if hold and hold.value else "",
        renews=renews,
        identities=identities,
    )
