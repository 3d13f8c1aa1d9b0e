"""What this controller knows of its holds now, and what humans want: what the parts of the keeper share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from nova_watchdog.core.breaker import share
from nova_watchdog.core.hold.claims import Claim, claim_of
from nova_watchdog.core.hold.decide import Give, HoldDecision, HoldPolicy, Self, decide_hold
from nova_watchdog.core.hold.holding import Holding
from nova_watchdog.core.hold.records import HoldRecord, Vantage
from nova_watchdog.core.hold.resume import Terms
from nova_watchdog.core.hold.rules import HereFact
from nova_watchdog.core.hold.sight import Sight
from nova_watchdog.core.hold.timing import Timing
from nova_watchdog.core.model import Pairing
from nova_watchdog.core.permission import Permission
from nova_watchdog.ports import Clock
from nova_watchdog.runtime.hold_ports import Asks
from nova_watchdog.runtime.registrar import Registrar
from nova_watchdog.runtime.unchanged import Ground


class HoldState:
    """One for the keeper and its parts. Everything that is kept by name is by the pairing's.

    me: this controller's name. sight: what the store showed last.
    terms: since when it is held here. gives, takes, accepts: what humans want, takes until that moment.
    stopping: what has no token, for a release. stop_asked: of these, whose stop systemd took.
    takeovers: how many there were, by pairing and what became of them.
    """

    def __init__(
        self,
        me: str,
        pairings: Sequence[Pairing],
        timing: Timing,
        policy: HoldPolicy,
        clock: Clock,
        asks: Asks,
        registrar: Registrar,
    ) -> None:
        self.me = me
        self.pairings = tuple(pairings)
        self.timing = timing
        self.policy = policy
        self.clock = clock
        self.asks = asks
        self.registrar = registrar
        self.sight = Sight()
        self.terms: dict[str, Terms] = {}
        self.gives: dict[str, Give] = {}
        self.takes: dict[str, float] = {}
        self.accepts: dict[str, tuple[str, ...]] = {}
        self.stopping: set[str] = set()
        self.stop_asked: set[str] = set()
        self.takeovers: Counter[tuple[str, str]] = Counter()
        self.is_leaving = False
        self._holdings: dict[str, Holding] = {}
        # What is read counts only once a renewal above this attempt is confirmed, None: it counts.
        self._doubt_until_seq: int | None = None
        # Of the same vCenter or message bus, by name: one of them moves at a time.
        self._near = {
            one.name: tuple(other.name for other in self.pairings if share(one, other))
            for one in self.pairings
        }

    def forget(self) -> None:
        """The registration ended: nothing is held here any more, and no wish of a human stands."""
        self._doubt_until_seq = None
        self.terms = {}
        self.gives = {}
        self.stopping = set()
        self.stop_asked = set()

    # --- whether what was read counts

    def doubt(self) -> None:
        """A release that was sent before now may be written late, as long as nothing was written after it.

        It compares this controller's own record: a renewal of our own ends that. Only what is read after it
        tells whether the pairing is still ours.
        """
        self._doubt_until_seq = self.registrar.attempted_seq

    @property
    def doubts(self) -> bool:
        """Whether a doubt was not seen to end yet."""
        return self._doubt_until_seq is not None

    @property
    def doubts_last_attempt(self) -> bool:
        """Whether nothing was attempted since the doubt began: only a renewal ends it."""
        return self._doubt_until_seq == self.registrar.attempted_seq

    def is_in_doubt(self) -> bool:
        """Whether what was just read may be undone by a release of our own."""
        if self._doubt_until_seq is not None and self.registrar.confirmed_seq > self._doubt_until_seq:
            self._doubt_until_seq = None
        return self._doubt_until_seq is not None

    # --- one pairing as it is judged

    def record(self, name: str) -> HoldRecord | None:
        """Its hold as the store showed it last, None: there is none, or it cannot be read."""
        seen = self.sight.holds.get(name)
        return seen.value if seen else None

    def epoch(self, name: str) -> int:
        """The epoch of its hold, 0 without one."""
        record = self.record(name)
        return record.epoch if record else 0

    def claim(self, name: str) -> Claim:
        """What this controller may make of its hold now."""
        registration = self.registrar.registration
        incarnation = registration.incarnation if registration else None
        now_s = self.clock.now_s()
        return claim_of(name, self.me, incarnation, self.sight, self.timing, now_s)

    def vantage(self, name: str) -> Vantage:
        """What this controller says of itself: one that may not act could not serve."""
        permission = self.asks.permission(name)
        if permission is not Permission.PROTECT:
            why = f"permission is {permission.value}"
            return replace(self.asks.vantage(name), ready=False, reason=why, failing=())
        return self.asks.vantage(name)

    def oneself(self, name: str, here: HereFact) -> Self:
        """This controller as a decision about that pairing sees it."""
        return Self(
            name=self.me,
            registration=self.registrar.registration,
            here=here,
            vantage=self.vantage(name),
            permission=self.asks.permission(name),
            give=self.give(name),
            take=self.clock.now_s() < self.takes.get(name, 0.0),
            stopped=self.asks.stopped(name, self.epoch(name)),
            accept=self.accepts.get(name, ()),
            near=self._near.get(name, ()),
            stopping=frozenset(self.stopping),
        )

    def give(self, name: str) -> Give | None:
        """Why it should move: a human's wish first."""
        return self.gives.get(name) or self.asks.give(name)

    def ground(self, name: str) -> Ground:
        """What a judgement of it stands on."""
        registration = self.registrar.registration
        is_given = name in self.gives or self.asks.give(name) is not None
        return Ground(
            claim=self.claim(name),
            hold=self.sight.holds.get(name),
            incarnation=registration.incarnation if registration else "",
            ready=self.vantage(name).ready,
            permission=self.asks.permission(name),
            stopped=self.asks.stopped(name, self.epoch(name)),
            is_asked=is_given or name in self.takes or self.is_leaving,
        )

    def decide(self, name: str, here: HereFact) -> HoldDecision:
        """What is to be done about its hold."""
        me, clock = self.oneself(name, here), self.clock
        return decide_hold(name, me, self.sight, self.timing, self.policy, clock.now_s(), clock.wall_s())

    # --- what the pairings' loops act by

    def holding(self, name: str) -> Holding:
        """The hold as it stands now."""
        return self._holdings.get(name, Holding(Claim.UNREAD))

    def show(self, name: str, decision: HoldDecision) -> None:
        """Let its loop act by that decision. What may be started may be so for as long as before."""
        before = self._holdings.get(name)
        kept = before if before and before.claim is Claim.MINE and decision.claim is Claim.MINE else None
        until_s = kept.until_s if kept and name not in self.stopping else None
        self._holdings[name] = self._as_it_is(name, until_s, decision.rule.number, decision.rule.why)

    def show_all(self) -> None:
        """Let the loops act by what is held now, where nothing was decided."""
        for pairing in self.pairings:
            before = self.holding(pairing.name)
            mine = before.claim is Claim.MINE and self.registrar.registration is not None
            until_s = before.until_s if mine else None
            self._holdings[pairing.name] = self._as_it_is(pairing.name, until_s, before.rule, before.why)

    def cover(self, name: str, until_s: float) -> None:
        """It may be started until then."""
        before = self.holding(name)
        self._holdings[name] = self._as_it_is(name, until_s, before.rule, before.why)

    def uncover(self, name: str) -> None:
        """It may not be started any more."""
        self._holdings[name] = replace(self.holding(name), until_s=None)

    def _as_it_is(self, name: str, until_s: float | None, rule: str, why: str) -> Holding:
        claim, record, epoch = self.claim(name), self.record(name), self.epoch(name)
        terms = self.terms.get(name)
        if claim is Claim.MINE and (terms is None or terms.epoch != epoch):
            terms = self.terms[name] = Terms(epoch, self.clock.now_s(), None)
        own = terms if claim is Claim.MINE else None
        return Holding(
            claim=claim,
            until_s=until_s if own else None,
            since_s=own.since_s if own else 0.0,
            dead_since_s=own.dead_since_s if own else None,
            came=own is not None and own.came,
            holder=record.holder if record else "",
            epoch=epoch,
            stopped=record.stopped if record else False,
            rule=rule,
            why=why,
        )
