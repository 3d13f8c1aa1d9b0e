"""Who could be the next holder of a pairing, in which order, and why nobody could."""

from __future__ import annotations

from collections.abc import Collection

from nova_watchdog.core.hold.claims import wait_for_s
from nova_watchdog.core.hold.moves import Give
from nova_watchdog.core.hold.records import ControllerRecord, Vantage
from nova_watchdog.core.hold.sight import Seen, Sight
from nova_watchdog.core.hold.timing import Timing

_READY = "ready"
_NOT_WATCHED = Vantage(ready=False, reason="it does not watch this pairing")


def renews(seen: Seen[ControllerRecord], timing: Timing, now_s: float) -> bool:
    """Whether a controller is there: its record can be read, is not fenced, and moved on within its own W."""
    if seen.value is None or seen.value.fenced:
        return False
    return now_s - seen.since_s < wait_for_s(seen, timing)


def accepts(vantage: Vantage, accepted: Collection[str]) -> bool:
    """Whether a human accepts all that speaks against it."""
    return bool(vantage.failing) and set(vantage.failing) <= set(accepted)


def vantage_at(controller: str, pairing: str, sight: Sight) -> Vantage:
    """What that one says of itself."""
    seen = sight.controller(controller)
    record = seen.value if seen else None
    return record.vantages.get(pairing, _NOT_WATCHED) if record else _NOT_WATCHED


def rank(controller: str, sight: Sight, failed: Collection[str] = ()) -> tuple[bool, int, str]:
    """What all sort by: who failed comes last, then by priority, the highest first, then by name."""
    seen = sight.controller(controller)
    priority = seen.value.priority if seen and seen.value else 0
    return controller in failed, -priority, controller


def ready_standbys(
    pairing: str, me: str, sight: Sight, timing: Timing, now_s: float, failed: Collection[str] = ()
) -> list[str]:
    """The other controllers that renew and could serve the pairing, the first in the order of all first."""
    there = _there(me, sight, timing, now_s)
    ready = [name for name in there if vantage_at(name, pairing, sight).ready]
    return sorted(ready, key=lambda name: rank(name, sight, failed))


def _there(me: str, sight: Sight, timing: Timing, now_s: float) -> list[str]:
    return [
        name for name, seen in sorted(sight.controllers.items()) if name != me and renews(seen, timing, now_s)
    ]


def successor_of(
    pairing: str,
    me: str,
    give: Give | None,
    sight: Sight,
    timing: Timing,
    now_s: float,
    failed: Collection[str] = (),
) -> str:
    """The standby that would be the next holder; empty: none.

    Without a human's wish none that failed lately, and none that is ready only since a moment ago: where a
    dependency comes back for everybody, one controller always sees it first.
    """
    ready = ready_standbys(pairing, me, sight, timing, now_s, failed)
    if give is None:
        return next(iter(ready), "")
    if give.by_human:
        accepted = [
            name
            for name in _there(me, sight, timing, now_s)
            if name not in ready and accepts(vantage_at(name, pairing, sight), give.accept)
        ]
        ready += sorted(accepted, key=lambda name: rank(name, sight, failed))
    else:
        ready = [
            name for name in ready if name not in failed and _is_proven(name, pairing, give, sight, now_s)
        ]
    return next((name for name in ready if give.to in ("", name)), "")


def _is_proven(controller: str, pairing: str, give: Give, sight: Sight, now_s: float) -> bool:
    since_s = sight.ready_since_s.get(controller, {}).get(pairing, now_s)
    shown = vantage_at(controller, pairing, sight)
    return now_s - since_s >= give.ready_for_s and not set(give.proves) & set(shown.unproven)


def why_no_standby(
    pairing: str, me: str, sight: Sight, timing: Timing, now_s: float, failed: Collection[str] = ()
) -> str:
    """Why no other controller could take it, each with its reason."""
    others = [name for name in sorted(sight.controllers) if name != me]
    if not others:
        return "no other controller is in the store"
    found = []
    for name in others:
        why = why_not_ready(name, pairing, sight, timing, now_s)
        if why == _READY:
            why = (
                "it could not make it work"
                if name in failed
                else "it is not proven to be ready for long enough"
            )
        found.append(f"{name}: {why}")
    return "; ".join(found)


def why_not_ready(controller: str, pairing: str, sight: Sight, timing: Timing, now_s: float) -> str:
    """Why that controller could not take it; "ready" where it could."""
    seen = sight.controller(controller)
    if seen is None:
        return "it is not in the store"
    if seen.value is None:
        return f"its record cannot be read: {seen.problem}" if seen.problem else "its record is gone"
    if not renews(seen, timing, now_s):
        return "another controller took over from it" if seen.value.fenced else "it does not renew"
    vantage = vantage_at(controller, pairing, sight)
    return _READY if vantage.ready else vantage.reason or "it is not ready"
