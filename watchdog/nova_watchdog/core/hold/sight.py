"""What this controller has seen in the store, and since when by its own clock. A pure fold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from nova_watchdog.core.errors import RecordError
from nova_watchdog.core.hold.records import (
    CONTROLLERS,
    HOLDS,
    ControllerRecord,
    HoldRecord,
    controller_of,
    hold_of,
)
from nova_watchdog.core.hold.timing import takeover_wait_s

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Seen(Generic[T]):
    """One key. `value` is None where there is no such key, or (`problem` says why) none that can be read.

    since_s: local receipt of the first answer that showed this revision.
    same_since_s: since when it shows the same registration, or the same holder: renewals leave it alone.
    lost: the last record that could be read, where there is none now.
    raw: as the store had it. After a restore a revision may be given a second time.
    """

    value: T | None
    revision: int
    since_s: float
    problem: str = ""
    same_since_s: float = 0.0
    lost: T | None = None
    raw: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Sight:
    """All records. `began_at_s`: when the request of the last answer was sent, None before the first.

    longest_wait_s: W, without its margin, against the longest D and kill time that any controller was ever
    seen with: a restored store may have forgotten them.
    ready_since_s: since when a controller says without a break that it could serve a pairing, by both names.
    served: by pairing the holder, and the epoch of its hold, that was last seen to serve it.
    """

    began_at_s: float | None = None
    controllers: Mapping[str, Seen[ControllerRecord]] = field(default_factory=dict)
    holds: Mapping[str, Seen[HoldRecord]] = field(default_factory=dict)
    longest_wait_s: float = 0.0
    ready_since_s: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    served: Mapping[str, tuple[str, int]] = field(default_factory=dict)

    def controller(self, name: str) -> Seen[ControllerRecord] | None:
        """That one's record, None where it was never looked for."""
        return self.controllers.get(name)


def look(
    sight: Sight, found: Mapping[str, tuple[Mapping[str, Any], int]], began_at_s: float, received_at_s: float
) -> Sight:
    """Fold in one answer: every record by key, with its revision.

    A revision that differs from the last one seen, lower ones too, counts from now: the answer of a restored
    store can only delay a takeover.
    """
    holds = _fold(sight.holds, HOLDS, found, hold_of, received_at_s, set())
    holders = {seen.value.holder for seen in holds.values() if seen.value and seen.value.holder}
    controllers = _fold(sight.controllers, CONTROLLERS, found, controller_of, received_at_s, holders)
    records = [seen.value for seen in controllers.values() if seen.value is not None]
    waits = [takeover_wait_s(record.deadline_s, record.kill_s, 0.0) for record in records]
    return Sight(
        began_at_s,
        controllers,
        holds,
        max([sight.longest_wait_s, *waits]),
        {name: _ready_since(name, seen, sight) for name, seen in controllers.items()},
        {name: _served(name, seen, controllers, sight) for name, seen in holds.items()},
    )


def _ready_since(name: str, seen: Seen[ControllerRecord], before: Sight) -> Mapping[str, float]:
    """By pairing. What was said before a silence that ended its word counts anew."""
    last, record = before.controllers.get(name), seen.value
    known = before.ready_since_s.get(name, {})
    if seen is last:
        return known
    if record is None or record.fenced:
        return {}
    if last is None or seen.since_s - last.since_s >= takeover_wait_s(record.deadline_s, record.kill_s, 0.0):
        known = {}
    ready = [pairing for pairing, vantage in record.vantages.items() if vantage.ready]
    return {pairing: known.get(pairing, seen.since_s) for pairing in ready}


def _served(
    pairing: str, seen: Seen[HoldRecord], controllers: Mapping[str, Seen[ControllerRecord]], before: Sight
) -> tuple[str, int]:
    hold = seen.value
    known = before.served.get(pairing, ("", 0))
    holder = controllers.get(hold.holder) if hold and hold.holder else None
    record = holder.value if holder else None
    if hold is None or record is None or record.incarnation != hold.incarnation or record.fenced:
        return known
    vantage = record.vantages.get(pairing)
    return (hold.holder, hold.epoch) if vantage is not None and vantage.serves else known


def _fold(
    before: Mapping[str, Seen[T]],
    prefix: str,
    found: Mapping[str, tuple[Mapping[str, Any], int]],
    read: Callable[[Mapping[str, Any]], T],
    received_at_s: float,
    also: set[str],
) -> dict[str, Seen[T]]:
    """`also`: names whose absence matters as well, and since when they are absent."""
    names = {key.removeprefix(prefix) for key in found if key.startswith(prefix)} | also
    return {
        name: _one(before.get(name), found.get(prefix + name), read, received_at_s) for name in sorted(names)
    }


def _one(
    before: Seen[T] | None,
    found: tuple[Mapping[str, Any], int] | None,
    read: Callable[[Mapping[str, Any]], T],
    received_at_s: float,
) -> Seen[T]:
    raw, revision = found or (None, 0)
    if before is not None and before.revision == revision and before.raw == raw:
        return before
    since_s = first_seen_at_s(received_at_s)
    value, problem = None, ""
    if raw is not None:
        try:
            value = read(raw)
        except RecordError as error:
            problem = str(error)
    lost = None if value is not None or before is None else before.value or before.lost
    same = before is not None and _identity(before.value) == _identity(value)
    same_since_s = before.same_since_s if same and before is not None else since_s
    return Seen(value, revision, since_s, problem, same_since_s, lost, raw)


def _identity(record: ControllerRecord | HoldRecord | object | None) -> object:
    """What stays the same over renewals."""
    if isinstance(record, ControllerRecord):
        return record.incarnation, record.fenced
    if isinstance(record, HoldRecord):
        return record.holder, record.incarnation, record.successor, record.epoch
    return None


def first_seen_at_s(received_at_s: float) -> float:
    """Since when a revision counts as seen: the receipt of the answer, whatever the record itself says."""
    return received_at_s
