"""What a daemon may do in a state: renew, register, take, release, crash, start."""

from __future__ import annotations

from collections.abc import Iterator

from protocol import state as f
from protocol.effects import Effects
from protocol.rules import Bounds, Rules

Move = tuple[str, f.Draft]

SILENT = "the other's record did not change for W"
FENCED = "the other is fenced already"
REGISTERED_ANEW = "the other registered anew"
OWN_FORMER = "it was its own"
FREE = "nobody holds it"
FROM_OTHER = (SILENT, FENCED, REGISTERED_ANEW)


class Daemon:
    """The daemons of both controllers: `me` says which one."""

    def __init__(self, rules: Rules, bounds: Bounds, effects: Effects) -> None:
        self.rules = rules
        self.bounds = bounds
        self.effects = effects

    def moves(self, s: f.State, me: int) -> Iterator[Move]:
        daemon = s[me + f.DAEMON]
        if daemon == f.DOWN:
            yield from self._starts(s, me)
            return
        if self.bounds.crashes:
            b = f.Draft(s)
            self.effects.crash(b, me)
            yield "the daemon crashes", b
        if daemon == f.CLEANING:
            if s[me + f.UNIT] == f.DEAD or not self.rules.kills_before_registering:
                knows = self._known(s, me + f.UNWRITTEN)
                yield "sends a registration", _sent(s, me + f.LEASE, f.REGISTER, knows)
            return
        why = self._why_not(s, me)
        if why or self.bounds.whims:
            b = f.Draft(s)
            self.effects.give_up(b, me)
            yield f"the daemon gives up what it has{why}", b
        if s[me + f.TIMER] == f.PASSED:
            if s[me + f.BELIEVES] and not self.rules.token_has_moment and daemon == f.UP:
                b = f.Draft(s)
                b[me + f.TOKEN] = 1
                yield "writes a token, late", b
            if self.rules.passed_registers:
                return
        yield from self._renewals(s, me)
        yield from self._pairing(s, me)
        if s[f.BACKED_UP] == f.TAKEN or not self.rules.compares_record:
            yield from self._reads(s, me)

    def _starts(self, s: f.State, me: int) -> Iterator[Move]:
        b = f.Draft(s)
        self.effects.give_up(b, me)
        yield "the daemon starts and cannot show that its hold goes on", b
        for bit, hold in self._views(s):
            if s[me + f.FILE] & bit and not s[me + f.FENCED] & bit and s[me + f.TIMER] > f.PASSED:
                b = f.Draft(s)
                b[me + f.DAEMON] = f.UP
                b[me + f.INCARNATION] = s[me + f.FILE]
                b[me + f.REVISION] = self._seen(s, bit, me + f.UNWRITTEN)
                if not self.rules.renews_before_believing:
                    b[me + f.RENEWED] = 1
                    b[me + f.BELIEVES] = s[me + hold] == f.MINE
                yield "the daemon starts and goes on with its incarnation", b

    def _why_not(self, s: f.State, me: int) -> str:
        """Why the daemon has to register anew, as far as it can know; empty where it need not."""
        if s[me + f.TIMER] == f.PASSED:
            return ": its deadline passed"
        if s[me + f.FENCED] & f.CURRENT:
            return ": its record is fenced"
        if not s[me + f.INCARNATION] & f.CURRENT:
            return ": its record has another incarnation"
        if s[f.BACKED_UP] == f.RESTORED and s[me + f.REVISION] & f.LATER:
            return ": its record went backwards"
        if s[me + f.DAEMON] == f.UP and s[me + f.BELIEVES] and s[me + f.HOLD] != f.MINE:
            return ": its hold is gone"
        return ""

    def _renewals(self, s: f.State, me: int) -> Iterator[Move]:
        knows = s[me + f.REVISION] & f.IN_A_STORE
        if knows:
            b = _sent(s, me + f.LEASE, f.RENEW, knows)
            yield "sends a renewal", b
            if self.bounds.earlier and s[me + f.LEASE] == f.request(f.RENEW, f.SENT):
                b = f.Draft(b)
                b[me + f.EARLIER : me + f.EARLIER + 3] = s[me + f.LEASE : me + f.LEASE + 3]
                yield "waits no longer for its renewal and sends another one", b
        if s[me + f.ARMING]:
            b = f.Draft(s)
            b[me + f.TIMER] = f.PASSED + s[me + f.ARMING]
            b[me + f.ARMING] = 0
            yield "arms the timer for the length that it computed", b

    def _pairing(self, s: f.State, me: int) -> Iterator[Move]:
        """Tokens, release and takeover."""
        rules = self.rules
        if s[me + f.DAEMON] == f.RELEASING:
            if s[me + f.UNIT] == f.DEAD or not rules.release_after_dead:
                knows = s[me + f.HOLD_REVISION] & (
                    s[me + f.REVISION] if rules.release_compares_record else 0xFF
                )
                yield from self._change(s, me, f.RELEASE, knows, "releases the pairing")
            if (
                s[me + f.HOLD] != f.MINE
                and s[me + f.INCARNATION] & f.CURRENT
                and not s[me + f.FENCED] & f.CURRENT
            ):
                b = f.Draft(s)
                b[me + f.DAEMON] = f.UP
                b[me + f.BELIEVES] = 0
                yield "reads that its hold is released", b
        elif s[me + f.BELIEVES]:
            b = f.Draft(s)
            b[me + f.DAEMON] = f.RELEASING
            if rules.release_takes_token:
                b[me + f.TOKEN] = 0
            yield "begins to release the pairing", b
            token = self._careless_token(s, me)
            if token > s[me + f.TOKEN]:
                b = f.Draft(s)
                b[me + f.TOKEN] = token
                yield "writes a token", b
        else:
            yield from self._takes(s, me)

    def _careless_token(self, s: f.State, me: int) -> int:
        """Where tokens are not what they have to be: for how long one may be written."""
        if not self.rules.starts_when_armed:
            return self.bounds.deadline_ticks
        return int(not self.rules.token_has_moment and s[me + f.RENEWED])

    def _takes(self, s: f.State, me: int) -> Iterator[Move]:
        """Takeover, or the fence that a takeover of another pairing sets."""
        if self.bounds.restores and self.rules.registered_wait and s[me + f.REGISTERED] < self.effects.wait:
            return
        other = f.B - me
        own = s[me + f.REVISION] & f.IN_A_STORE
        seen = own & s[me + f.OTHER_REVISION]
        waited = s[me + f.OTHER_AGE] >= self.effects.wait
        for bit, hold in ((f.CURRENT, f.HOLD), (f.BACKUP, f.BACKUP_HOLD)):
            fenced = s[other + f.FENCED] & bit
            if own & s[me + f.HOLD_REVISION] & bit:
                why = self._may_take(s[me + hold], s[other + hold], fenced=bool(fenced), waited=waited)
                compares = why in FROM_OTHER and (self.rules.compares_record or why == REGISTERED_ANEW)
                knows = (seen if compares else own) & s[me + f.HOLD_REVISION]
                if why and knows & bit:
                    kind = f.TAKE if compares else f.TAKE_FREE
                    yield from self._change(s, me, kind, knows, f"takes the pairing: {why}")
            if self.bounds.fences and seen & bit and waited and not fenced:
                yield from self._change(s, me, f.FENCE, seen, f"takes another pairing: {SILENT}")

    def _change(self, s: f.State, me: int, kind: int, knows: int, words: str) -> Iterator[Move]:
        """The transaction commits, or the daemon ends before and it is still on its way."""
        if knows & f.CURRENT:
            b = f.Draft(s)
            self.effects.commit(b, me, kind)
            if kind in (f.TAKE, f.TAKE_FREE):
                b[me + f.BELIEVES] = 1
            yield words, b
        if knows & f.IN_A_STORE:
            orphan = bytes((f.request(kind, f.ORPHAN), knows & f.IN_A_STORE, 0))
            for ending, b in self._without_answer(s, me, kind):
                b[me + f.CHANGE : me + f.CHANGE + 3] = orphan
                yield f"sends the {f.KINDS[kind]} and {ending}", b

    def _without_answer(self, s: f.State, me: int, kind: int) -> Iterator[Move]:
        """How a daemon goes on, or does not, whose request is still on its way."""
        b = f.Draft(s)
        self.effects.give_up(b, me)
        yield "gives up", b
        if self.bounds.crashes:
            b = f.Draft(s)
            self.effects.crash(b, me)
            yield "crashes", b
        if self.bounds.unanswered:
            b = f.Draft(s)
            if kind == f.RELEASE:
                self.effects.doubt(b, me)
            yield "goes on without its answer", b

    def _may_take(self, mine: int, others: int, *, fenced: bool, waited: bool) -> str:
        if others == f.MINE:
            return FENCED if fenced else SILENT if waited else ""
        if others == f.FORMER:
            return REGISTERED_ANEW if self.rules.incarnation_of_other else ""
        return "" if mine == f.MINE else OWN_FORMER if mine == f.FORMER else FREE

    def _reads(self, s: f.State, me: int) -> Iterator[Move]:
        """What the store or a stale copy of it shows (elsewhere it is known as soon as it is written)."""
        other = f.B - me
        for bit, _ in self._views(s):
            b = f.Draft(s)
            if not s[me + f.OTHER_REVISION] & bit and self.rules.own_observation:
                b[me + f.OTHER_AGE] = 0
            b[me + f.OTHER_REVISION] = self._seen(s, bit, other + f.UNWRITTEN)
            b[me + f.HOLD_REVISION] = self._seen(s, bit, f.HOLD_UNWRITTEN)
            yield "reads the store" if bit == f.CURRENT else "reads what the store was", b
        if s[me + f.INCARNATION] & f.CURRENT and not s[me + f.FENCED] & f.CURRENT:
            b = f.Draft(s)
            b[me + f.REVISION] = self._known(s, me + f.UNWRITTEN) | (0 if s[me + f.UNWRITTEN] else f.LATER)
            b[me + f.HOLD_REVISION] = self._known(s, f.HOLD_UNWRITTEN)
            if s[me + f.HOLD] == f.MINE and (s[me + f.RENEWED] or not self.rules.renews_before_believing):
                b[me + f.BELIEVES] = 1
            yield "reads its own records", b

    def _views(self, s: f.State) -> Iterator[tuple[int, int]]:
        """What a read may show: the store, or what it was when the backup was taken."""
        yield f.CURRENT, f.HOLD
        if s[f.BACKED_UP] == f.TAKEN:
            yield f.BACKUP, f.BACKUP_HOLD

    def _seen(self, s: f.State, bit: int, unwritten: int) -> int:
        return f.IN_A_STORE if s[f.BACKED_UP] == f.TAKEN and s[unwritten] else bit

    def _known(self, s: f.State, unwritten: int) -> int:
        return self._seen(s, f.CURRENT, unwritten)


def _sent(s: f.State, at: int, kind: int, knows: int) -> f.Draft:
    """With a new request there. One that was there is lost, or its answer is."""
    b = f.Draft(s)
    b[at : at + 3] = bytes((f.request(kind, f.SENT), knows, 0))
    return b
