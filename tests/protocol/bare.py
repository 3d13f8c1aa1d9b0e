"""The bare protocol of docs/safety.md for two controllers and one pairing: every step that a state allows.

Time goes in ticks of true time, and every duration is a whole number of them. Clock drift is in the
constants: a deadline lasts D(1 + drift), as with the slowest clock, a wait W(1 - drift), as with the
fastest, and W = D + kill leaves nothing to spare. A tick may come at any time and anything else may take
any number of ticks: a frozen daemon, a slow network, a stalled loop. Only the deadline and the end of its
kill come at their tick whatever happens.

Where one state allows all that another allows, and more, only the first is searched: what a daemon may
read is known as soon as it is written, a token is there as soon as it may be, a request that the next one
replaces was lost.
"""

from __future__ import annotations

from collections.abc import Iterator

from protocol import state as f
from protocol.daemon import Daemon, Move
from protocol.effects import Effects
from protocol.normal import Normal
from protocol.rules import Bounds, Rules

Step = tuple[
    int, str, f.State
]  # whose (A, B, or the store's position for nobody's), in words, and what comes of it
NOBODY = f.BACKED_UP

OVERLAP = "two units run"
NO_DEADLINE = "a unit runs without a deadline"
NO_HOLD = "a unit runs without a hold"

_AGED = {f.request(kind, stage) for kind in (f.RENEW, f.REGISTER) for stage in (f.SENT, f.DONE)}


class Protocol:
    """The rules at work within bounds."""

    def __init__(self, rules: Rules, bounds: Bounds, *, symmetric: bool = False) -> None:
        self.rules = rules
        self.bounds = bounds
        self.effects = Effects(rules, bounds)
        self.daemon = Daemon(rules, bounds, self.effects)
        self.normal = Normal(rules, bounds, symmetric=symmetric)

    def initial(self) -> f.State:
        """A holds the pairing and runs its unit; B has been registered for long."""
        b = f.Draft(f.SIZE)
        for me in (f.A, f.B):
            b[me + f.DAEMON] = f.UP
            for field in (f.FILE, f.INCARNATION, f.REVISION, f.HOLD_REVISION, f.OTHER_REVISION):
                b[me + field] = f.CURRENT
            b[me + f.RENEWED] = 1
            b[me + f.TIMER] = f.PASSED + self.bounds.deadline_ticks
            b[me + f.REGISTERED] = self.effects.wait if self.bounds.restores else 0
        b[f.HOLD] = f.MINE
        b[f.BELIEVES] = 1
        b[f.TOKEN] = self.bounds.deadline_ticks
        b[f.UNIT] = f.RUNS
        return self.normal.state(b)

    def steps(self, s: f.State) -> list[Step]:
        """Everything that may happen next."""
        state = self.normal.state
        found = [
            (me, words, state(b))
            for me in (f.A, f.B)
            for moves in (self.daemon.moves, self._network, self._machine)
            for words, b in moves(s, me)
        ]
        found += [(NOBODY, words, state(b)) for words, b in self._store(s)]
        return found

    def broken(self, s: f.State) -> str | None:
        """Which invariant does not hold here."""
        if s[f.A + f.UNIT] and s[f.B + f.UNIT]:
            return OVERLAP
        for me in (f.A, f.B):
            if s[me + f.UNIT] == f.RUNS and s[me + f.TIMER] <= f.PASSED:
                return NO_DEADLINE
            held = s[me + f.HOLD] == f.MINE and not s[me + f.FENCED] & f.CURRENT
            if s[me + f.UNIT] and not held and s[f.BACKED_UP] != f.RESTORED:
                return NO_HOLD
        return None

    def _network(self, s: f.State, me: int) -> Iterator[Move]:
        """Requests reach the store, answers the daemon, in any order and after any time."""
        for at in (me + f.LEASE, me + f.EARLIER, me + f.CHANGE):
            if not s[at]:
                continue
            kind, stage = f.parts(s[at])
            if stage == f.DONE:
                b = self._answered(s, me, at, kind)
                if b is not None:
                    yield f"gets the answer to its {f.KINDS[kind]}", b
            elif s[at + f.KNOWS] & f.CURRENT or (kind == f.REGISTER and not self.rules.registration_compares):
                b = f.Draft(s)
                b[at] = 0
                knows = self.effects.commit(b, me, kind)
                if stage == f.SENT:
                    b[at : at + 3] = bytes(
                        (f.request(kind, f.DONE), knows | s[at + f.KNOWS] & f.DOUBTED, s[at + f.AGE])
                    )
                commits = "an old request commits" if stage == f.ORPHAN else "the store commits"
                yield f"{commits} its {f.KINDS[kind]}", b

    def _answered(self, s: f.State, me: int, at: int, kind: int) -> f.Draft | None:
        b = f.Draft(s)
        b[at] = 0
        knows, age = s[at + f.KNOWS], s[at + f.AGE]
        if kind == f.RENEW:
            if s[me + f.TIMER] == f.PASSED and self.rules.passed_registers:
                return None
            if (
                at == me + f.EARLIER
                and not self.rules.own_write_only
                and s[me + f.LEASE] == f.request(f.RENEW, f.SENT)
            ):
                age = s[me + f.LEASE + f.AGE]
            self.effects.confirm(b, me, knows, age)
        elif kind == f.REGISTER:
            self.effects.registered(b, me, knows, age)
        return b

    def _machine(self, s: f.State, me: int) -> Iterator[Move]:
        """The unit, the controller's power, the timer."""
        if s[me + f.UNIT]:
            b = f.Draft(s)
            b[me + f.UNIT] = f.DEAD
            yield "the unit ends", b
        elif s[me + f.TOKEN]:
            b = f.Draft(s)
            b[me + f.UNIT] = f.RUNS
            yield "the unit is started", b
        if self.bounds.crashes:
            b = f.Draft(s)
            self.effects.crash(b, me)
            for field in (f.TOKEN, f.UNIT, f.TIMER, f.FILE):
                b[me + field] = 0
            yield "the controller loses power", b
        if self.bounds.early_timer and s[me + f.TIMER] == f.PASSED + 1:
            b = f.Draft(s)
            self.effects.pass_deadline(b, me)
            yield "the deadline timer fires a tick before the token ends", b
        if not self.rules.arming_keeps_old and f.request(f.RENEW, f.DONE) == s[me + f.LEASE]:
            b = f.Draft(s)
            b[me + f.LEASE] = 0
            b[me + f.TIMER] = f.NEVER
            yield "gets the answer to its renewal, arms, and the timer is dead", b

    def _store(self, s: f.State) -> Iterator[Move]:
        """Backup, restore and time."""
        b = f.Draft(s)
        if self.bounds.restores and s[f.BACKED_UP] == f.NO_BACKUP:
            self.effects.back_up(b)
            yield "a backup of the store is taken", b
        elif s[f.BACKED_UP] == f.TAKEN and s[f.BACKUP_AGE] >= self.bounds.restore_after_ticks:
            self.effects.restore(b)
            yield "the store is restored from the backup", b
        if self.bounds.time:
            b = f.Draft(s)
            self._tick(b)
            yield "a tick passes", b

    def _tick(self, b: f.Draft) -> None:
        wait = self.effects.wait
        for me in (f.A, f.B):
            if b[me + f.UNIT] > f.RUNS:
                b[me + f.UNIT] = f.DEAD if b[me + f.UNIT] == f.RUNS + 1 else b[me + f.UNIT] - 1
            if b[me + f.TOKEN] and self.rules.token_has_moment:
                b[me + f.TOKEN] -= 1
            if b[me + f.TIMER] > f.PASSED + 1:
                b[me + f.TIMER] -= 1
            elif b[me + f.TIMER] == f.PASSED + 1:
                self.effects.pass_deadline(b, me)
            if b[me + f.OTHER_AGE] < wait and (b[me + f.OTHER_REVISION] or not self.rules.own_observation):
                b[me + f.OTHER_AGE] += 1
            if self.bounds.restores and b[me + f.DAEMON] >= f.UP and b[me + f.REGISTERED] < wait:
                b[me + f.REGISTERED] += 1
            self._age_requests(b, me)
        if b[f.BACKED_UP] == f.TAKEN and b[f.BACKUP_AGE] < self.bounds.restore_after_ticks:
            b[f.BACKUP_AGE] += 1

    def _age_requests(self, b: f.Draft, me: int) -> None:
        for at in (me + f.LEASE, me + f.EARLIER):
            if b[at] in _AGED and b[at + f.AGE] < self.bounds.deadline_ticks:
                b[at + f.AGE] += 1
