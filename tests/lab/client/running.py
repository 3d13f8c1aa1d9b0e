"""When a unit had a process on which controller, from the observer's record."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lab.client.events import Event


@dataclass(frozen=True)
class Run:
    """One process. `end_s` is None while it lives, which it also does while its controller is frozen."""

    unit: str
    controller: str
    lab_pid: int
    start_s: float
    end_s: float | None

    def overlap(self, other: Run) -> tuple[float, float | None] | None:
        """From when to when both lived; None if they did not."""
        start_s = max(self.start_s, other.start_s)
        ends = [end_s for end_s in (self.end_s, other.end_s) if end_s is not None]
        end_s = min(ends, default=None)
        return (start_s, end_s) if end_s is None or start_s < end_s else None


@dataclass(frozen=True)
class Overlap:
    """Two controllers had a process of one unit at the same time, until `end_s` (None: they still have)."""

    unit: str
    controllers: tuple[str, str]
    start_s: float
    end_s: float | None


def runs(events: Iterable[Event], unit: str) -> list[Run]:
    """Every process of a unit, by the time it began."""
    found: list[Run] = []
    living: dict[tuple[str, int], float] = {}
    for event in events:
        if event.get("unit") != unit or event["kind"] not in ("process.start", "process.exit"):
            continue
        key = (event["controller"], event["lab_pid"])
        if event["kind"] == "process.start":
            living[key] = event["t"]
        elif key in living:
            found.append(Run(unit, *key, living.pop(key), event["t"]))
    found += [Run(unit, *key, start_s, None) for key, start_s in living.items()]
    return sorted(found, key=lambda run: run.start_s)


def overlaps(events: Iterable[Event], units: Iterable[str], since: float = 0.0) -> list[Overlap]:
    """Every time after `since` in which a unit had a process on two controllers."""
    records = list(events)
    found = []
    for unit in units:
        for one, other in combinations(runs(records, unit), 2):
            both = one.overlap(other) if one.controller != other.controller else None
            if both is not None and (both[1] is None or both[1] > since):
                found.append(Overlap(unit, (one.controller, other.controller), *both))
    return sorted(found, key=lambda overlap: overlap.start_s)
