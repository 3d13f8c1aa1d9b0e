"""Keeps this controller's holds: registers, renews, takes, gives up, and lets nothing run without one.

One loop, so that nothing overlaps: first the renewal, then a look at the store, then one decision for each
pairing. The times and the order are those of docs/safety.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from nova_watchdog.core.breaker import share
from nova_watchdog.core.hold import resume
from nova_watchdog.core.hold.claims import Claim, claim_of, is_mine, silent_at_s
from nova_watchdog.core.hold.decide import Give, HoldDecision, HoldPolicy, Self, dead_since_s, decide_hold
from nova_watchdog.core.hold.holding import Holding
from nova_watchdog.core.hold.records import HOLDS, Vantage, controller_key, hold_key, joined, to_json
from nova_watchdog.core.hold.refusals import why_not_give, why_not_take
from nova_watchdog.core.hold.resume import Handover, Terms
from nova_watchdog.core.hold.rules import HereFact, HoldVerb
from nova_watchdog.core.hold.sight import Sight, look
from nova_watchdog.core.hold.timing import Timing
from nova_watchdog.core.kv import kv
from nova_watchdog.core.model import Pairing
from nova_watchdog.core.permission import Permission
from nova_watchdog.core.snapshot import HoldSnapshot, KeeperSnapshot
from nova_watchdog.ports import (
    ActionRefusedError,
    ProbeError,
    StoreConflictError,
    StoreUnavailableError,
)
from nova_watchdog.runtime.fences import Fences
from nova_watchdog.runtime.hands import DONE, Hands
from nova_watchdog.runtime.hold_ports import Asks, KeeperPorts
from nova_watchdog.runtime.hold_view import hold_snapshot, keeper_snapshot
from nova_watchdog.runtime.registrar import Identity, Registrar
from nova_watchdog.runtime.unchanged import Ground, Unchanged

_log = logging.getLogger("nova_watchdog.hold")

# The shortest pause between two rounds, whatever wakes them.
_GAP_S = 0.2
_LEAVE_TIMEOUT_S = 5.0
# For so long a human's wish waits for the moment in which it can be granted.
_WISH_LASTS_S = 600.0


# Whoever comes first takes it: the next look must not wait for the next renewal.
_MAY_BE_TAKEN = (Claim.FREE, Claim.OFFERED, Claim.SILENT)


class Keeper:
    """Holds what this controller holds. `holding` is what the pairings' loops act by."""

    def __init__(
        self,
        identity: Identity,
        pairings: Sequence[Pairing],
        timing: Timing,
        policy: HoldPolicy,
        ports: KeeperPorts,
        asks: Asks,
    ) -> None:
        self._me = identity.controller
        self._pairings = tuple(pairings)
        self._timing = timing
        self._policy = policy
        self._ports = ports
        self._hands = Hands(ports)
        self._asks = asks
        self._registrar = Registrar(identity, timing, ports.clock, ports.store, ports.deadline, self._lost)
        self._sight = Sight()
        self._terms: dict[str, Terms] = {}
        self._holdings: dict[str, Holding] = {}
        self._gives: dict[str, Give] = {}
        self._takes: dict[str, float] = {}
        self._accepts: dict[str, tuple[str, ...]] = {}
        self._is_first = True
        self._saved_seq = 0
        self._is_leaving = False
        # What is read counts only once a renewal above this attempt is confirmed, None: it counts.
        self._doubt_until_seq: int | None = None
        self._must_clear = False
        # Of the same vCenter or message bus, by name: one of them moves at a time.
        self._near = {
            one.name: tuple(other.name for other in self._pairings if share(one, other))
            for one in self._pairings
        }
        # Without a token, for a release; and of these, whose stop systemd took.
        self._stopping: set[str] = set()
        self._stop_asked: set[str] = set()
        self._rules: dict[str, str] = {}
        self._takeovers: Counter[tuple[str, str]] = Counter()
        self._save_problem = ""
        self._fences = Fences(ports.fence, self.wake)
        self._wake = asyncio.Event()
        self._unchanged = Unchanged()
        for pairing in self._pairings:
            ports.units.subscribe(pairing.unit, partial(self._unit_changed, pairing.name))

    # --- for the rest of the daemon

    def holding(self, pairing: str) -> Holding:
        """The hold as it stands now."""
        return self._holdings.get(pairing, Holding(Claim.UNREAD))

    def shown(self, pairing: str) -> HoldSnapshot:
        """The hold, and who could take it, for telemetry."""
        clock = self._ports.clock
        return hold_snapshot(
            pairing,
            self.holding(pairing),
            self._sight,
            self._timing,
            self._policy,
            clock.now_s(),
            clock.wall_s(),
        )

    def snapshot(self) -> KeeperSnapshot:
        """This controller in the store, for telemetry."""
        return keeper_snapshot(self._registrar, self._timing, self._takeovers)

    def served(self, pairing: str) -> tuple[str, int]:
        """The last (holder, epoch) that said in its own record that the pairing works there."""
        return self._sight.served.get(pairing, ("", 0))

    @property
    def sight(self) -> Sight:
        """What the store showed last."""
        return self._sight

    def wake(self) -> None:
        """Look again soon."""
        self._wake.set()

    def _unit_changed(self, pairing: str) -> None:
        self._unchanged.disturb(pairing)
        self.wake()

    def ask_to_give(self, pairing: str, give: Give) -> None:
        """A human's wish that it moves. Raises ActionRefusedError with the reason why it cannot."""
        me = replace(self._self(pairing, HereFact.UNSURE), give=give)
        if why := why_not_give(pairing, me, self._sight, self._timing, self._ports.clock.now_s()):
            raise ActionRefusedError(why)
        self._gives[pairing] = give
        self._save_now()
        self.wake()

    def ask_to_take(self, pairing: str, accept: tuple[str, ...] = ()) -> None:
        """A human's wish that this controller takes what nobody holds, or what a human stopped.

        It is granted once nobody else can hold it. accept: failing checks of this controller that do not
        matter. Raises ActionRefusedError with the reason why it cannot be.
        """
        me = replace(self._self(pairing, HereFact.UNSURE), accept=accept)
        if why := why_not_take(pairing, me, self._sight, self._timing, self._ports.clock.now_s()):
            raise ActionRefusedError(why)
        self._takes[pairing] = self._ports.clock.now_s() + _WISH_LASTS_S
        self._accepts[pairing] = accept
        self.wake()

    async def leave(self) -> None:
        """The daemon ends. Where the machine shuts down, what is dead here is released: nobody has to wait.

        Ends when there is nothing to release, or when it took too long: then the others wait for W.
        """
        self._is_leaving = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LEAVE_TIMEOUT_S):
                while any([await self._is_to_be_left(pairing) for pairing in self._pairings]):
                    self.wake()
                    await asyncio.sleep(_GAP_S)

    async def _is_to_be_left(self, pairing: Pairing) -> bool:
        if not self._is_leaving or self.holding(pairing.name).claim is not Claim.MINE:
            return False
        return await self._hands.is_down_for_good(pairing)

    # --- the loop

    async def run(self) -> None:
        """Keep until cancelled."""
        watch = asyncio.ensure_future(self._watch())
        try:
            while True:
                self._wake.clear()
                if watch.done():
                    watch.result()  # an error that nobody foresaw
                await self.round()
                await asyncio.sleep(_GAP_S)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._pause_s()):
                        await self._wake.wait()
        finally:
            watch.cancel()
            await asyncio.wait([watch])
            await self._fences.close()

    def _pause_s(self) -> float:
        attempted_s = self._registrar.attempted_at_s
        if attempted_s is None or self._registrar.registration is None:
            return self._timing.renew_s / 3
        now_s = self._ports.clock.now_s()
        wait_s = [attempted_s + self._timing.renew_s - now_s]
        for pairing in self._pairings:
            if self.holding(pairing.name).claim in _MAY_BE_TAKEN:
                wait_s.append(self._timing.renew_s / 3)
            silent_s = silent_at_s(pairing.name, self._sight, self._timing)
            if silent_s is not None and silent_s > now_s:
                wait_s.append(silent_s - now_s)
        return max(0.0, min(wait_s))

    async def _watch(self) -> None:
        """A change of hands wakes; a watch that breaks is begun anew."""
        while True:
            with contextlib.suppress(StoreUnavailableError):
                async for _ in self._ports.store.watch(HOLDS):
                    self.wake()
            await asyncio.sleep(self._timing.renew_s)

    async def round(self) -> None:
        """One renewal where it is due, one look, one decision for each pairing."""
        self._registrar.check(self._ports.clock.now_s())
        if self._must_clear:
            await self._clear()
        await self._renew_if_due()
        if not await self._look() or self._is_in_doubt():
            self._show_all()
            return
        if self._registrar.registration is None and not await self._begin():
            self._show_all()
            return
        for pairing in self._pairings:
            await self._renew_if_due()
            await self._keep(pairing)

    def _doubt(self) -> None:
        """A release that was sent before now may be written late, as long as nothing was written after it.

        It compares this controller's own record: a renewal of our own ends that. Only what is read after it
        tells whether the pairing is still ours.
        """
        self._doubt_until_seq = self._registrar.attempted_seq

    def _is_in_doubt(self) -> bool:
        """Whether what was just read may be undone by a release of our own."""
        if self._doubt_until_seq is not None and self._registrar.confirmed_seq > self._doubt_until_seq:
            self._doubt_until_seq = None
        return self._doubt_until_seq is not None

    async def _renew_if_due(self) -> None:
        registrar, now_s = self._registrar, self._ports.clock.now_s()
        registrar.check(now_s)
        attempted_s = registrar.attempted_at_s
        if registrar.registration is not None and (
            attempted_s is None
            or self._doubt_until_seq == registrar.attempted_seq
            or now_s - attempted_s >= self._timing.renew_s
        ):
            vantages = {one.name: self._vantage(one.name) for one in self._pairings}
            await registrar.renew(vantages)
            self._save_progress()
            await self._grant_tokens()

    async def _look(self) -> bool:
        """Read everything; what became of our own record with it."""
        began_s = self._ports.clock.now_s()
        try:
            found = await self._ports.store.read("")
        except StoreUnavailableError as error:
            self._registrar.tell(str(error))
            return False
        records = joined({key: (one.value, one.revision) for key, one in found.items()})
        self._sight = look(self._sight, records, began_s, self._ports.clock.now_s())
        await self._registrar.saw(self._sight)
        self._save_progress()
        self._registrar.check(self._ports.clock.now_s())
        return True

    # --- beginning and end of a registration

    async def _begin(self) -> bool:
        """Go on with the hold of the daemon before, or begin anew with every adopted unit dead."""
        if self._is_first:
            self._is_first = False
            if await self._resume():
                self._doubt()
                self.wake()
                return False
            self._must_clear = True
        if self._must_clear and not await self._clear():
            return False
        own = self._sight.controller(self._me)
        strangers = self._strangers()
        if strangers:
            # Its unit is unknown here, so nobody could see it dead: the others take it over after W.
            self._registrar.tell(f"this controller held {', '.join(strangers)}, which it does not watch")
            return False
        self._save(self._registrar.next_incarnation())
        await self._registrar.register(own)
        return self._registrar.registration is not None

    async def _resume(self) -> bool:
        own = self._sight.controller(self._me)
        handover = resume.from_json(self._ports.run_file.load())
        asked_at_s = self._ports.clock.now_s()
        try:
            elapses_at_s = (await self._ports.deadline.read()).elapses_at_s
        except ProbeError:
            elapses_at_s = None
        why_not = resume.why_not_resumed(
            handover, self._ports.clock.boot_id(), own, elapses_at_s, self._ports.clock.now_s()
        )
        if why_not or handover is None or own is None or elapses_at_s is None:
            _log.info(kv("hold-begins-anew", controller=self._me, reason=why_not))
            return False
        self._terms, self._gives = dict(handover.terms), dict(handover.gives)
        self._stopping = set(handover.stops)
        for name, terms in self._terms.items():
            self._fences.skip(name, terms.epoch)
        self._registrar.resume(own, elapses_at_s, handover.deadline_s, asked_at_s)
        _log.info(kv("hold-resumed", controller=self._me))
        return True

    def _lost(self, _why: str) -> None:
        self._must_clear = True
        self._doubt_until_seq = None
        self._terms = {}
        self._gives = {}
        self._stopping = set()
        self._stop_asked = set()
        self._show_all()
        self.wake()

    async def _clear(self) -> bool:
        """Kill every unit that is or was held. Whether each was seen dead: then a registration may begin."""
        all_dead = True
        for pairing in self._adopted():
            revoked = await self._hands.revoke(pairing) == DONE
            if await self._hands.here(pairing) is not HereFact.DEAD:
                await self._hands.kill(pairing)
            # With its token left it could be started at any moment.
            all_dead = all_dead and revoked and await self._hands.here(pairing) is HereFact.DEAD
        self._must_clear = not all_dead
        return all_dead

    def _adopted(self) -> list[Pairing]:
        """The pairings that have a hold record, or had one when the store last answered."""
        return [one for one in self._pairings if one.name in self._sight.holds]

    def _strangers(self) -> list[str]:
        """What the last registration of this controller held, and this daemon is not configured to watch."""
        own = self._sight.controller(self._me)
        record, known = own.value if own else None, {one.name for one in self._pairings}
        return [
            name
            for name, seen in self._sight.holds.items()
            if record is not None
            and not record.fenced
            and seen.value is not None
            and is_mine(seen.value, self._me, record.incarnation)
            and name not in known
        ]

    def _save_progress(self) -> None:
        """Leave each confirmed renewal to the next daemon: it must not go on with what a restore undid."""
        registration = self._registrar.registration
        if registration is not None and registration.seq != self._saved_seq:
            self._save(registration.incarnation)

    def _save_now(self) -> None:
        if self._registrar.registration is not None:
            self._save(self._registrar.registration.incarnation)

    def _save(self, incarnation: str) -> None:
        registration = self._registrar.registration
        self._saved_seq = registration.seq if registration else 0
        handover = Handover(
            self._ports.clock.boot_id(),
            incarnation,
            self._registrar.longest_deadline_s,
            self._terms,
            self._saved_seq,
            self._gives,
            tuple(sorted(self._stopping)),
        )
        try:
            self._ports.run_file.save(resume.to_json(handover))
        except ActionRefusedError as error:
            problem = str(error)
        else:
            problem = ""
        if problem and problem != self._save_problem:
            # The next daemon will begin anew, which stops what it finds: safe, and worth a line.
            _log.warning(kv("run-file-not-written", controller=self._me, reason=problem))
        self._save_problem = problem

    # --- one pairing

    async def _keep(self, pairing: Pairing) -> None:
        if self._unchanged.stands(pairing.name, self._ground(pairing.name), self._ports.clock.now_s()):
            await self._grant_token(pairing)
            return
        self._unchanged.begin(pairing.name)
        here = await self._hands.here(pairing)
        if await self._is_to_be_left(pairing):
            here = HereFact.DEAD
            self._gives[pairing.name] = Give("its controller goes down", by_human=True)
        ground, now_s = self._ground(pairing.name), self._ports.clock.now_s()
        decision = self._decide(pairing, here)
        if here is not HereFact.UNSURE and decision.rule.verb is HoldVerb.NOTHING and decision.record is None:
            self._unchanged.keep(pairing.name, ground, now_s)
        outcome = await self._do(pairing, decision)
        if decision.rule.number != self._rules.get(pairing.name) or outcome:
            self._rules[pairing.name] = decision.rule.number
            self._asks.told(pairing.name, decision, outcome)
        self._show(pairing, decision)
        if decision.claim is Claim.MINE:
            if here is HereFact.DEAD:
                self._fences.begin(pairing, self._epoch(pairing.name))
            else:
                self._fences.skip(pairing.name, self._epoch(pairing.name))
        await self._grant_token(pairing)

    def _ground(self, name: str) -> Ground:
        registration = self._registrar.registration
        is_given = name in self._gives or self._asks.give(name) is not None
        return Ground(
            claim=self._claim(name),
            hold=self._sight.holds.get(name),
            incarnation=registration.incarnation if registration else "",
            ready=self._vantage(name).ready,
            permission=self._asks.permission(name),
            stopped=self._asks.stopped(name, self._epoch(name)),
            is_asked=is_given or name in self._takes or self._is_leaving,
        )

    def _vantage(self, name: str) -> Vantage:
        """What this controller says of itself: one that may not act could not serve."""
        permission = self._asks.permission(name)
        if permission is not Permission.PROTECT:
            why = f"permission is {permission.value}"
            return replace(self._asks.vantage(name), ready=False, reason=why, failing=())
        return self._asks.vantage(name)

    def _claim(self, name: str) -> Claim:
        registration = self._registrar.registration
        incarnation = registration.incarnation if registration else None
        now_s = self._ports.clock.now_s()
        return claim_of(name, self._me, incarnation, self._sight, self._timing, now_s)

    def _epoch(self, name: str) -> int:
        seen = self._sight.holds.get(name)
        return seen.value.epoch if seen and seen.value else 0

    def _self(self, name: str, here: HereFact) -> Self:
        return Self(
            name=self._me,
            registration=self._registrar.registration,
            here=here,
            vantage=self._vantage(name),
            permission=self._asks.permission(name),
            give=self._gives.get(name) or self._asks.give(name),
            take=self._ports.clock.now_s() < self._takes.get(name, 0.0),
            stopped=self._asks.stopped(name, self._epoch(name)),
            accept=self._accepts.get(name, ()),
            near=self._near.get(name, ()),
            stopping=frozenset(self._stopping),
        )

    def _decide(self, pairing: Pairing, here: HereFact) -> HoldDecision:
        clock, name = self._ports.clock, pairing.name
        me = self._self(name, here)
        return decide_hold(name, me, self._sight, self._timing, self._policy, clock.now_s(), clock.wall_s())

    async def _do(self, pairing: Pairing, decision: HoldDecision) -> str:
        """Carry it out; what became of it, empty where there was nothing to do."""
        verb = decision.rule.verb
        if decision.claim is Claim.MINE:
            self._takes.pop(pairing.name, None)
        if verb not in (HoldVerb.STOP, HoldVerb.RELEASE):
            # Refused, or done, or there is no standby any more: then it is kept, and may be started again.
            self._gives.pop(pairing.name, None)
            await self._let_stop_end(pairing, decision)
        if verb is HoldVerb.RELEASE and pairing.name not in self._stop_asked:
            # Dead already: its token goes first all the same, and whatever start is queued.
            await self._stop(pairing)
            return ""
        if decision.record is not None and decision.expected is not None:
            return await self._write(pairing, decision)
        if verb is HoldVerb.STOP:
            return await self._stop(pairing)
        if verb is HoldVerb.KILL:
            await self._hands.revoke(pairing)
            return await self._hands.kill(pairing)
        return ""

    async def _let_stop_end(self, pairing: Pairing, decision: HoldDecision) -> None:
        """It does not move any more. Until its stop is over it has no token, then it may be started again.

        That stop was no human's, whoever sees the end of it: the hold counts from there, as far as the unit's
        end is concerned.
        """
        name, mine = pairing.name, decision.claim is Claim.MINE
        if name not in self._stopping:
            return
        if mine and decision.situation.here is HereFact.DEAD:
            now_s = self._ports.clock.now_s()
            self._terms[name] = Terms(self._epoch(name), now_s, now_s)
        elif mine and not await self._hands.runs_on(pairing):
            return
        self._stopping.discard(name)
        self._stop_asked.discard(name)
        self._save_now()

    async def _stop(self, pairing: Pairing) -> str:
        """Until systemd took it: a stop takes its time, and the hold is renewed all the while."""
        if pairing.name in self._stop_asked:
            return ""
        # Before anything is awaited: a pairing that ends just now is not to be started in between.
        self._holdings[pairing.name] = replace(self.holding(pairing.name), until_s=None)
        revoked = await self._hands.revoke(pairing)
        if revoked != DONE:
            return revoked
        self._stopping.add(pairing.name)
        # A daemon that comes back while it is being stopped must know that no human wants it down.
        self._save_now()
        outcome = await self._hands.stop(pairing)
        if outcome == DONE:
            self._stop_asked.add(pairing.name)
        return outcome

    async def _write(self, pairing: Pairing, decision: HoldDecision) -> str:
        """The transaction of a change of hands. Whose it is then is told by the next look."""
        registrar, name = self._registrar, pairing.name
        record, now_s = decision.record, self._ports.clock.now_s()
        if registrar.registration is None or record is None or decision.expected is None:
            return ""
        if record.holder == self._me and decision.claim is not Claim.MINE:
            dead_s = dead_since_s(name, self._me, self._sight, self._timing)
            self._terms[name] = Terms(record.epoch, now_s, dead_s)
            self._save(registrar.registration.incarnation)
        puts = {hold_key(name): to_json(record)}
        fenced = self._sight.controller(decision.fences) if decision.fences else None
        if fenced is not None and fenced.value is not None:
            puts[controller_key(decision.fences)] = registrar.fenced_by_us(fenced.value)
        self.wake()
        outcome = await self._commit(decision, puts)
        if record.holder == self._me and decision.claim is not Claim.MINE:
            self._takeovers[name, outcome.partition(":")[0]] += 1
        give = self._gives.get(name) or self._asks.give(name)
        if not record.holder and outcome == DONE and give is not None and give.has_failed:
            self._takeovers[name, "failed"] += 1
        return outcome

    async def _commit(self, decision: HoldDecision, puts: Mapping[str, Mapping[str, object]]) -> str:
        try:
            await self._ports.store.commit(decision.expected or {}, puts)
        except StoreConflictError:
            return "refused: the records changed meanwhile"
        except StoreUnavailableError as error:
            self._doubt()
            return f"result-unknown: {error}"
        return DONE

    async def _grant_tokens(self) -> None:
        """Let what is held be started until the deadline that is armed now."""
        for pairing in self._pairings:
            await self._grant_token(pairing)

    async def _grant_token(self, pairing: Pairing) -> None:
        until_s, holding = self._registrar.until_s, self.holding(pairing.name)
        if until_s is None or holding.claim is not Claim.MINE or pairing.name in self._stopping:
            return
        if holding.until_s == until_s or self._doubt_until_seq is not None:
            return
        if self._fences.is_busy(pairing.name):
            return
        if await self._hands.grant(pairing, until_s) == DONE:
            self._holdings[pairing.name] = self._holding(pairing, until_s, holding.rule, holding.why)

    # --- what is shown

    def _show(self, pairing: Pairing, decision: HoldDecision) -> None:
        before = self._holdings.get(pairing.name)
        kept = before if before and before.claim is Claim.MINE and decision.claim is Claim.MINE else None
        until_s = kept.until_s if kept and pairing.name not in self._stopping else None
        self._holdings[pairing.name] = self._holding(
            pairing, until_s, decision.rule.number, decision.rule.why
        )

    def _show_all(self) -> None:
        for pairing in self._pairings:
            before = self.holding(pairing.name)
            mine = before.claim is Claim.MINE and self._registrar.registration is not None
            until_s = before.until_s if mine else None
            self._holdings[pairing.name] = self._holding(pairing, until_s, before.rule, before.why)

    def _holding(self, pairing: Pairing, until_s: float | None, rule: str, why: str) -> Holding:
        name = pairing.name
        claim = self._claim(name)
        seen = self._sight.holds.get(name)
        record = seen.value if seen else None
        epoch = self._epoch(name)
        terms = self._terms.get(name)
        if claim is Claim.MINE and (terms is None or terms.epoch != epoch):
            terms = self._terms[name] = Terms(epoch, self._ports.clock.now_s(), None)
        mine = claim is Claim.MINE and terms is not None
        return Holding(
            claim=claim,
            until_s=until_s if mine else None,
            since_s=terms.since_s if mine and terms else 0.0,
            dead_since_s=terms.dead_since_s if mine and terms else None,
            holder=record.holder if record else "",
            epoch=epoch,
            stopped=record.stopped if record else False,
            rule=rule,
            why=why,
        )
