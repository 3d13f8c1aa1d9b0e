"""Why a pairing is judged as it is, as the JSON document of `/api/v1/explain/PAIRING` (docs/status-json.md).

Every row of both tables is shown with whether it matches, or the first column that does not.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

from nova_watchdog.core import diagnose, rules
from nova_watchdog.core.decide import (
    Action,
    Decision,
    EnableService,
    KillUnit,
    RequestReadings,
    StartUnit,
    Wakeup,
)
from nova_watchdog.core.facts import Facts
from nova_watchdog.core.rules import Situation
from nova_watchdog.core.snapshot import FleetSnapshot
from nova_watchdog.core.table import HasWhen, When
from nova_watchdog.telemetry.view import FORMAT, pairing_entry
from nova_watchdog.telemetry.view_hold import keeper_entry
from nova_watchdog.telemetry.view_readings import Document, rfc3339, seconds


def explanation(
    snapshot: FleetSnapshot, name: str, *, now_s: float, wall_s: float, stale_after_s: float
) -> Document:
    """The document of one pairing. Raises KeyError for one that was not looked at.

    Ages count to `now_s` (monotonic); `wall_s` is the same moment as Unix time.
    """
    shown = snapshot.pairings[name]
    decision = shown.decision
    return {
        "format": FORMAT,
        "controller": snapshot.controller,
        "version": snapshot.version,
        "at": rfc3339(wall_s),
        "keeper": keeper_entry(snapshot, now_s),
        "pairing": pairing_entry(snapshot, shown, now_s, stale_after_s),
        "facts": _columns(decision.facts),
        "diagnosis_rows": [
            {"row": row.number, "diagnosis": row.diagnosis.value, "shown_by": row.shown_by, **match}
            for row, match in _judged(diagnose.TABLE, decision.facts, decision.diagnosis)
        ],
        "situation": _columns(decision.situation),
        "rule_rows": [
            {
                "row": row.number,
                "verb": row.verb.value,
                "next_phase": row.next.value,
                "why": row.why,
                **match,
            }
            for row, match in _judged(rules.TABLE, decision.situation, decision.rule)
        ],
        "would_do": [_action(action, now_s) for action in decision.actions],
        "blocked": _blocked(decision, shown.store_problem),
    }


def _columns(situation: Facts | Situation) -> Document:
    return {column.name: getattr(situation, column.name).value for column in fields(situation)}


def _judged(rows: Sequence[Any], situation: object, decided: HasWhen) -> Iterator[tuple[Any, Document]]:
    """Each row with whether it matches, whether it decided, and the column that keeps it from matching."""
    for row in rows:
        column = _first_mismatch(row.when, situation)
        yield (
            row,
            {
                "matches": column is None,
                "decides": row is decided,
                "mismatch": None if column is None else _mismatch(column, row.when, situation),
            },
        )


def _first_mismatch(cells: When, situation: object) -> str | None:
    return next(
        (column for column, allowed in cells.items() if getattr(situation, column) not in allowed), None
    )


def _mismatch(column: str, cells: When, situation: object) -> Document:
    found: enum.Enum = getattr(situation, column)
    # In the order of the closed list: a set has none.
    wants = [member.value for member in type(found) if member in cells[column]]
    return {"column": column, "is": found.value, "wants": wants}


def _action(action: Action, now_s: float) -> Document:
    """One action as it was decided. `in_s` is when, None for at once."""
    if isinstance(action, StartUnit | KillUnit):
        what, target = ("start" if isinstance(action, StartUnit) else "kill"), action.unit
    elif isinstance(action, EnableService):
        what, target = "enable", action.host
    elif isinstance(action, RequestReadings):
        what, target = "probe", ""
    else:
        what, target = "look-again", ""
    in_s = max(0.0, action.at_s - now_s) if isinstance(action, Wakeup) else None
    return {"action": what, "target": target, "in_s": seconds(in_s)}


def _blocked(decision: Decision, store_problem: str) -> str:
    """Why what was decided is not done, empty where nothing stands against it."""
    mutates = any(isinstance(one, StartUnit | KillUnit | EnableService) for one in decision.actions)
    return f"its record cannot be written: {store_problem}" if store_problem and mutates else ""
