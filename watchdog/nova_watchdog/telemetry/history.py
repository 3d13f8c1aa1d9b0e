"""What changed, when, why and by which readings: `/api/v1/history` (docs/status-json.md)."""

from __future__ import annotations

from nova_watchdog.core.snapshot import FleetSnapshot
from nova_watchdog.telemetry.view import FORMAT, transition_entry
from nova_watchdog.telemetry.view_readings import Document, rfc3339


def history(snapshot: FleetSnapshot, name: str | None, *, limit: int, wall_s: float) -> Document:
    """The last `limit` edges of one pairing, or of all (None), newest last.

    Raises KeyError for a pairing that was not looked at.
    """
    shown = snapshot.pairings.values() if name is None else (snapshot.pairings[name],)
    edges = [(edge.wall_s, one.pairing.name, edge) for one in shown for edge in one.transitions]
    edges.sort(key=lambda found: found[0])
    return {
        "format": FORMAT,
        "controller": snapshot.controller,
        "version": snapshot.version,
        "at": rfc3339(wall_s),
        "transitions": [
            {"pairing": pairing, **transition_entry(edge)} for _, pairing, edge in edges[-limit:]
        ],
    }
