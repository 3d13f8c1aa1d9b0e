"""What a single event changes in a state: a write to the store, an answer, the deadline, a daemon's end."""

from __future__ import annotations

from protocol import state as f
from protocol.rules import Bounds, Rules

_COMPARES_OWN = {
    f.request(kind, stage) for kind in (f.TAKE, f.TAKE_FREE, f.FENCE) for stage in (f.SENT, f.ORPHAN)
}
_RELEASES = {f.request(f.RELEASE, stage) for stage in (f.SENT, f.ORPHAN)}
_RENEWALS = {f.request(f.RENEW, stage) for stage in range(3)}
_COMPARES_OTHER = {f.request(kind, stage) for kind in (f.TAKE, f.FENCE) for stage in (f.SENT, f.ORPHAN)}
_KNOWS_HOLD = {f.request(kind, stage) for kind in (f.TAKE, f.TAKE_FREE) for stage in range(3)} | _RELEASES
_REVISIONS = tuple(
    me + field
    for me in (f.A, f.B)
    for field in (
        f.FILE,
        f.INCARNATION,
        f.REVISION,
        f.FENCED,
        f.OTHER_REVISION,
        f.HOLD_REVISION,
        f.LEASE + f.KNOWS,
        f.EARLIER + f.KNOWS,
        f.CHANGE + f.KNOWS,
    )
)


class Effects:
    """Changes drafts by the rules."""

    def __init__(self, rules: Rules, bounds: Bounds) -> None:
        self.rules = rules
        self.bounds = bounds
        self.wait = bounds.deadline_ticks + bounds.kill_ticks - rules.wait_lacks
        self._compares_own = _COMPARES_OWN | (_RELEASES if rules.release_compares_record else set())

    def wrote_record(self, b: f.Draft, me: int) -> None:
        """`controllers/<me>` has another revision: nobody knows it any more."""
        other = f.B - me
        b[me + f.UNWRITTEN] = 0
        b[me + f.REVISION] &= f.NOT_CURRENT
        b[me + f.LEASE + f.KNOWS] &= f.NOT_CURRENT
        b[me + f.EARLIER + f.KNOWS] &= f.NOT_CURRENT
        b[other + f.OTHER_REVISION] &= f.NOT_CURRENT
        if b[me + f.CHANGE] in self._compares_own:
            b[me + f.CHANGE + f.KNOWS] &= f.NOT_CURRENT
        if b[other + f.CHANGE] in _COMPARES_OTHER:
            b[other + f.CHANGE + f.KNOWS] &= f.NOT_CURRENT

    def wrote_hold(self, b: f.Draft) -> None:
        """`holds/P` has another revision."""
        b[f.HOLD_UNWRITTEN] = 0
        for me in (f.A, f.B):
            b[me + f.HOLD_REVISION] &= f.NOT_CURRENT
            if b[me + f.CHANGE] in _KNOWS_HOLD:
                b[me + f.CHANGE + f.KNOWS] &= f.NOT_CURRENT

    def commit(self, b: f.Draft, me: int, kind: int) -> int:
        """The store does what was asked. What the sender knows of the record it wrote."""
        other = f.B - me
        if kind in (f.RENEW, f.REGISTER):
            self.wrote_record(b, me)
            if kind == f.REGISTER:
                for field in (f.FENCED, f.FILE, f.INCARNATION):
                    b[me + field] &= f.NOT_CURRENT
                if b[me + f.HOLD] == f.MINE:
                    b[me + f.HOLD] = f.FORMER
            return f.CURRENT | (f.LATER if b[f.BACKED_UP] == f.TAKEN else 0)
        if kind == f.RELEASE:
            b[me + f.HOLD] = f.NOT_MINE
            self.wrote_hold(b)
            return f.CURRENT
        live = b[other + f.HOLD] == f.MINE and not b[other + f.FENCED] & f.CURRENT
        if kind == f.FENCE or (live and self.rules.sets_fenced):
            b[other + f.FENCED] |= f.CURRENT
            self.wrote_record(b, other)
        if kind != f.FENCE:
            b[other + f.HOLD], b[me + f.HOLD] = f.NOT_MINE, f.MINE
            self.wrote_hold(b)
        return f.CURRENT

    def confirm(self, b: f.Draft, me: int, knows: int, age: int) -> None:
        """A renewal that was sent so many ticks ago is confirmed: arm the deadline, and with it the token."""
        if knows & f.CURRENT or not b[me + f.REVISION] & f.CURRENT:
            b[me + f.REVISION] = knows & ~f.DOUBTED
        left = self.bounds.deadline_ticks - (age if self.rules.counted_from_sent else 0)
        if left <= 0:
            return
        if not knows & f.DOUBTED:
            b[me + f.RENEWED] = 1
        if not self.rules.arms_a_moment:
            b[me + f.ARMING] = left
        elif f.PASSED + left > b[me + f.TIMER]:
            b[me + f.TIMER] = f.PASSED + left
            if b[me + f.TOKEN] and self.rules.token_has_moment:
                b[me + f.TOKEN] = left

    def registered(self, b: f.Draft, me: int, knows: int, age: int) -> None:
        """The answer to a registration is there: it arms the deadline as a renewal does."""
        left = self.bounds.deadline_ticks - (age if self.rules.counted_from_sent else 0)
        if left <= 0:
            return
        b[me + f.DAEMON] = f.UP
        b[me + f.RENEWED] = 1
        b[me + f.FILE] = b[me + f.INCARNATION] = knows & f.IN_A_STORE
        b[me + f.REVISION] = knows
        b[me + f.TIMER] = f.PASSED + left if self.rules.starts_when_armed else f.NEVER
        if self.bounds.restores:
            b[me + f.REGISTERED] = 0 if self.rules.registered_from_answer else age

    def give_up(self, b: f.Draft, me: int) -> None:
        """The daemon goes by no incarnation any more. What it sent is still on its way, for nobody."""
        if self.rules.cleaning_takes_token:
            b[me + f.TOKEN] = 0
        b[me + f.DAEMON] = f.CLEANING
        for field in (
            f.INCARNATION,
            f.REVISION,
            f.BELIEVES,
            f.RENEWED,
            f.REGISTERED,
            f.ARMING,
            f.HOLD_REVISION,
        ):
            b[me + field] = 0
        if b[me + f.LEASE] == f.request(f.REGISTER, f.SENT):
            orphan = f.request(f.REGISTER, f.ORPHAN)
            b[me + f.EARLIER : me + f.EARLIER + 3] = bytes((orphan, b[me + f.LEASE + f.KNOWS], 0))
        elif b[me + f.EARLIER] != f.request(f.REGISTER, f.ORPHAN):
            b[me + f.EARLIER] = 0  # an old renewal only makes other requests fail
        b[me + f.LEASE] = 0

    def crash(self, b: f.Draft, me: int) -> None:
        """The daemon is gone, and what only it knew."""
        token = b[me + f.TOKEN]
        self.give_up(b, me)
        b[me + f.DAEMON] = f.DOWN
        b[me + f.TOKEN] = token
        b[me + f.OTHER_REVISION] = 0
        if self.rules.own_observation:
            b[me + f.OTHER_AGE] = 0

    def doubt(self, b: f.Draft, me: int) -> None:
        """A release got no answer: the daemon goes on and does not know whether it holds the pairing."""
        b[me + f.DAEMON] = f.UP
        if not self.rules.renews_before_believing:
            return
        b[me + f.BELIEVES] = b[me + f.RENEWED] = 0
        for at in (me + f.LEASE, me + f.EARLIER):
            if self.rules.renewal_after_doubt and b[at] in _RENEWALS:
                b[at + f.KNOWS] |= f.DOUBTED

    def pass_deadline(self, b: f.Draft, me: int) -> None:
        """The deadline timer fires."""
        b[me + f.TIMER] = f.PASSED
        if self.rules.deadline_takes_token:
            b[me + f.TOKEN] = 0
        if self.rules.deadline and b[me + f.UNIT] == f.RUNS:
            b[me + f.UNIT] = f.RUNS + self.bounds.kill_ticks

    def back_up(self, b: f.Draft) -> None:
        """Whoever knows the store's version knows the backup's."""
        b[f.BACKED_UP] = f.TAKEN
        b[f.HOLD_UNWRITTEN] = 1
        for me in (f.A, f.B):
            b[me + f.UNWRITTEN] = 1
            b[me + f.BACKUP_HOLD] = b[me + f.HOLD]
        for field in _REVISIONS:
            b[field] = f.IN_A_STORE * (b[field] & f.CURRENT) | b[field] & f.DOUBTED

    def restore(self, b: f.Draft) -> None:
        """The store is what the backup was."""
        b[f.BACKED_UP] = f.RESTORED
        b[f.BACKUP_AGE] = b[f.HOLD_UNWRITTEN] = 0
        for me in (f.A, f.B):
            b[me + f.UNWRITTEN] = 0
            b[me + f.HOLD], b[me + f.BACKUP_HOLD] = b[me + f.BACKUP_HOLD], 0
        for field in _REVISIONS:
            b[field] = (b[field] >> 1) & f.CURRENT | b[field] & (f.LATER | f.DOUBTED)
