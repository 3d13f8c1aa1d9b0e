"""What one receiver has still to be told: bounded, one entry for each event's key, no IO and no clock.

An event is told as it began, again as long as it lasts where the receiver forgets, and then that it is
over. The end never overtakes the beginning.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from nova_watchdog.core.events import Event, Severity

_RANK = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.INFO: 2}
_AT_ONCE = -math.inf
_NEVER = math.inf
# What was over for so long before its beginning could be told is told no more: it would wake somebody
# for nothing.
_STALE_S = 900.0
# So many times the bound of keys are remembered of which nothing else is.
_MOST_MAY_RING = 10


@dataclass(frozen=True, slots=True)
class Terms:
    """How a receiver wants to be told.

    bound: so many events are remembered, whether they were told already or not; ends get as much again.
    resend_s: an event that lasts is told again after so long; None: once is enough.
    resolves: how often its end is told, `resend_s` apart.
    least_firing_s: its end is held back until its beginning was told so long ago.
    min_severity: what is less severe is not told.
    lone_ends: it is told an end whose beginning was not told here. Not for one that keeps no state: people
        would read that something is over of which they never heard.
    """

    bound: int = 200
    resend_s: float | None = None
    resolves: int = 1
    least_firing_s: float = 0.0
    min_severity: Severity = Severity.INFO
    lone_ends: bool = True


@dataclass(slots=True)
class _Entry:
    """One key. `shown` is the beginning as the receiver took it last, None as long as it took none.

    `tried`: it was on the way at least once. Without a `trigger` only the end is known: its beginning was
    told by the daemon that ran before, or forgotten for want of room.
    """

    order: int
    trigger: Event | None
    end: Event | None = None
    end_told_s: float = 0.0
    tried: bool = False
    shown: Event | None = None
    first_shown_s: float = 0.0
    last_sent_s: float = 0.0
    resolves_sent: int = 0

    @property
    def event(self) -> Event:
        known = self.trigger or self.end
        assert known is not None  # noqa: S101  an entry is made of one or the other
        return known

    @property
    def waits(self) -> bool:
        """Whether the receiver does not know something yet."""
        if self.end is not None:
            return self.resolves_sent == 0
        return self.shown is None or self.shown.severity is not self.event.severity

    @property
    def is_untold(self) -> bool:
        """Whether the receiver has never heard of it, as far as is known."""
        return self.shown is None and self.resolves_sent == 0

    @property
    def may_be_dropped(self) -> bool:
        """Whether the receiver would miss news, and nothing else.

        A beginning that was on the way may have arrived, whatever the answer was: its end is needed.
        """
        return self.is_untold and self.trigger is not None and not (self.tried and self.end)


class Outbox:
    """The events of one receiver. `dropped` only grows."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._entries: dict[str, _Entry] = {}
        self._order = 0
        # Keys whose beginning the receiver may know of, though the event was forgotten for want of room.
        self._may_ring: dict[str, None] = {}
        self.dropped = 0

    @property
    def waiting(self) -> int:
        """How many events the receiver does not know of in their last state."""
        return sum(entry.waits for entry in self._entries.values())

    def inherit(self, other: Outbox) -> None:
        """Go on with what another one, that is used no more, remembers."""
        self._entries = other._entries
        self._order = other._order
        self._may_ring = other._may_ring
        self.dropped = other.dropped

    def take(self, event: Event, now_s: float) -> None:
        """Remember the event. What is known already changes nothing."""
        entry = self._entries.get(event.key)
        if entry is None:
            if event.firing or self._terms.lone_ends:
                self._add(event, now_s)
        elif not event.firing:
            if entry.end is None:
                entry.end, entry.end_told_s = event, now_s
        else:
            if entry.resolves_sent:  # it began again
                entry.shown, entry.resolves_sent = None, 0
            entry.trigger, entry.end = event, None

    def due(self, now_s: float, limit: int) -> list[Event]:
        """What is to be told now, at most `limit`: news first, the most severe first, then the oldest."""
        self._forget_stale(now_s)
        found = [one for one in self._entries.values() if self._due_s(one) <= now_s]
        return self._hand_out(found, now_s, limit)

    def unsent(self, now_s: float, limit: int) -> list[Event]:
        """As `due`, without what is only told again."""
        found = [one for one in self._entries.values() if one.waits and self._due_s(one) <= now_s]
        return self._hand_out(found, now_s, limit)

    def next_due_s(self) -> float:
        """When something is to be told next; infinite when nothing is."""
        return min((self._due_s(one) for one in self._entries.values()), default=_NEVER)

    def delivered(self, messages: Sequence[Event], now_s: float) -> int:
        """The receiver took these, as `due` gave them. Returns how many of them were news."""
        news = 0
        for message in messages:
            entry = self._entries.get(message.key)
            if entry is None:
                continue
            news += entry.is_untold or (not message.firing and entry.resolves_sent == 0)
            entry.last_sent_s = now_s
            if message.firing:
                if entry.shown is None:
                    entry.first_shown_s = now_s
                entry.shown = message
            elif entry.end is None:  # it began again meanwhile
                entry.shown, entry.resolves_sent = None, 0
            else:
                entry.resolves_sent += 1
                if entry.resolves_sent >= self._terms.resolves:
                    del self._entries[message.key]
        return news

    def refuse(self, message: Event) -> None:
        """The receiver will never take this one."""
        if self._entries.pop(message.key, None) is not None:
            self.dropped += 1

    def _hand_out(self, entries: Sequence[_Entry], now_s: float, limit: int) -> list[Event]:
        chosen = sorted(entries, key=lambda one: (not one.waits, _RANK[one.event.severity], one.order))[
            :limit
        ]
        for one in chosen:
            one.tried = True
        return [self._message(one, now_s) for one in chosen]

    def _add(self, event: Event, now_s: float) -> None:
        if _RANK[event.severity] > _RANK[self._terms.min_severity]:
            return
        self._order += 1
        may_ring = self._may_ring.pop(event.key, self) is None
        if event.firing:
            self._entries[event.key] = _Entry(self._order, event, tried=may_ring)
        else:
            self._entries[event.key] = _Entry(self._order, None, event, now_s)
        if len(self._entries) > self._terms.bound:
            self._make_room()

    def _make_room(self) -> None:
        """Forget one, never an end that the receiver waits for.

        An event that lasts may be forgotten: its end is then told as an end alone.
        """
        victim = next(self._victims(), None)
        if victim is not None:
            del self._entries[victim.event.key]
            self.dropped += victim.is_untold
            if victim.end is None and (victim.tried or victim.shown is not None):
                self._may_ring[victim.event.key] = None
            while len(self._may_ring) > _MOST_MAY_RING * self._terms.bound:
                del self._may_ring[next(iter(self._may_ring))]

    def _victims(self) -> Iterator[_Entry]:
        """From the least loss on, each kind from the oldest on."""
        entries = list(self._entries.values())  # in the order of telling
        newest = entries[-1]
        yield from (one for one in entries if one.resolves_sent)
        spare = [one for one in entries if one.may_be_dropped]
        yield from (one for one in spare if one.event.severity is Severity.INFO)
        yield from (one for one in spare if one is not newest)
        lasting = [one for one in entries if one.shown is not None and one.end is None]
        yield from sorted(lasting, key=lambda one: -_RANK[one.event.severity])
        # Only ends are left: they get as much room again.
        if newest.trigger is not None or len(entries) > 2 * self._terms.bound:
            yield newest

    def _forget_stale(self, now_s: float) -> None:
        for key, one in list(self._entries.items()):
            if one.trigger and one.end and one.is_untold and now_s - one.end_told_s > _STALE_S:
                self.dropped += 1
                if one.tried:  # it may have arrived: tell the end alone
                    one.trigger = None
                else:
                    del self._entries[key]

    def _hold_until_s(self, entry: _Entry) -> float:
        return _AT_ONCE if entry.trigger is None else entry.first_shown_s + self._terms.least_firing_s

    def _due_s(self, entry: _Entry) -> float:
        if entry.trigger is not None and entry.shown is None:
            return _AT_ONCE
        resend_s = _NEVER if self._terms.resend_s is None else self._terms.resend_s
        again_s = entry.last_sent_s + resend_s
        if entry.end is None:
            return _AT_ONCE if entry.waits else again_s
        return again_s if entry.resolves_sent else min(again_s, self._hold_until_s(entry))

    def _message(self, entry: _Entry, now_s: float) -> Event:
        end, trigger = entry.end, entry.trigger
        if trigger is None:
            return entry.event
        if end is None or entry.shown is None:
            return trigger
        if not entry.resolves_sent and now_s < self._hold_until_s(entry):
            return entry.shown
        # Receivers tell alerts apart by these.
        shown = entry.shown
        return replace(
            end,
            name=shown.name,
            pairing=shown.pairing,
            controller=shown.controller,
            severity=shown.severity,
            began_wall_s=shown.began_wall_s,
        )
