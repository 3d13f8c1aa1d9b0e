"""States that allow the same are one state."""

from __future__ import annotations

from protocol import state as f
from protocol.rules import Bounds, Rules

_WAITING = {f.request(kind, stage) for kind in range(f.FENCE + 1) for stage in (f.SENT, f.ORPHAN)}
_REGISTRATIONS = {f.request(f.REGISTER, stage) for stage in (f.SENT, f.ORPHAN)}
_USELESS_LATE = {f.request(f.RENEW, f.SENT), f.request(f.RENEW, f.DONE), f.request(f.REGISTER, f.DONE)}
_NONE = bytes(3)


class Normal:
    """Makes a state of a draft."""

    def __init__(self, rules: Rules, bounds: Bounds, *, symmetric: bool) -> None:
        self._rules = rules
        self._symmetric = symmetric
        self._doomed = _WAITING if rules.registration_compares else _WAITING - _REGISTRATIONS
        self._useless_age = bounds.deadline_ticks if rules.counted_from_sent else 0xFF
        self._tokens = rules.starts_when_armed and rules.token_has_moment
        # By whether reads have to be searched: there is something else to read than what the store has now.
        self._known: tuple[dict[bytes, bytes], dict[bytes, bytes]] = ({}, {})

    def state(self, b: f.Draft) -> f.State:
        """The same for every draft that allows the same; A and B change places where they are alike."""
        whole = bytes(b)
        a, other, store = whole[: f.B], whole[f.B : f.BACKED_UP], whole[f.BACKED_UP :]
        stale = b[f.BACKED_UP] == f.TAKEN
        known = self._known[stale]
        a = known.get(a) or known.setdefault(a, self._controller(f.Draft(a), stale=stale))
        other = known.get(other) or known.setdefault(other, self._controller(f.Draft(other), stale=stale))
        return other + a + store if self._symmetric and a < other else a + other + store

    def _controller(self, c: f.Draft, *, stale: bool) -> bytes:
        self._requests(c)
        if c[f.DAEMON] != f.DOWN and not stale:
            self._read(c)
        if c[f.DAEMON] < f.UP and c[f.TIMER] == f.PASSED:
            c[f.TIMER] = f.NEVER
        if self._tokens and c[f.DAEMON] == f.UP and c[f.BELIEVES] and c[f.RENEWED] and c[f.TIMER] > f.PASSED:
            c[f.TOKEN] = c[f.TIMER] - f.PASSED  # there as soon as it may be
        if not c[f.OTHER_REVISION] and self._rules.own_observation:
            c[f.OTHER_AGE] = 0
        if not self._rules.compares_record and c[f.OTHER_REVISION]:
            c[f.OTHER_REVISION] |= f.LATER
        if c[f.FENCED] & f.CURRENT:
            c[f.FILE] &= f.NOT_CURRENT
        return bytes(c)

    def _requests(self, c: f.Draft) -> None:
        """One that no store will commit, or that confirms nothing any more, is none."""
        for at in (f.LEASE, f.EARLIER, f.CHANGE):
            doomed = c[at] in self._doomed and not c[at + f.KNOWS] & f.IN_A_STORE
            useless = c[at] in _USELESS_LATE and c[at + f.AGE] >= self._useless_age
            if not c[at] or doomed or useless:
                c[at : at + 3] = _NONE

    def _read(self, c: f.Draft) -> None:
        """Who knows more may do more: what a read would show is known at once."""
        c[f.HOLD_REVISION] = f.CURRENT
        # Without the comparison it is not so: who still believes in what was may then do more.
        if not c[f.OTHER_REVISION] and self._rules.compares_record:
            c[f.OTHER_REVISION] = f.CURRENT
            if self._rules.own_observation:
                c[f.OTHER_AGE] = 0
        if c[f.DAEMON] < f.UP or not c[f.INCARNATION] & f.CURRENT or c[f.FENCED] & f.CURRENT:
            return
        if c[f.REVISION] & f.LATER and self._rules.notices_backwards:
            return
        c[f.REVISION] = f.CURRENT
        mine = c[f.HOLD] == f.MINE or (c[f.HOLD] == f.FORMER and not self._rules.incarnation_of_own)
        if mine and c[f.DAEMON] == f.UP and (c[f.RENEWED] or not self._rules.renews_before_believing):
            c[f.BELIEVES] = 1
