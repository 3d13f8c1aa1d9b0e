"""What the keeper does for one pairing: it judges the hold, carries that out, and lets it be started."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.hold.decide import Give, HoldDecision, dead_since_s
from nova_watchdog.core.hold.records import controller_key, hold_key, to_json
from nova_watchdog.core.hold.resume import Terms
from nova_watchdog.core.hold.rules import HereFact, HoldVerb
from nova_watchdog.core.model import Pairing
from nova_watchdog.ports import Store, StoreConflictError, StoreUnavailableError
from nova_watchdog.runtime.fences import Fences
from nova_watchdog.runtime.hands import DONE, Hands
from nova_watchdog.runtime.hold_handover import HandoverFile
from nova_watchdog.runtime.hold_state import HoldState
from nova_watchdog.runtime.unchanged import Unchanged


class Care:
    """One pairing after the other."""

    def __init__(
        self,
        state: HoldState,
        hands: Hands,
        store: Store,
        file: HandoverFile,
        fences: Fences,
        wake: Callable[[], None],
    ) -> None:
        self._state = state
        self._hands = hands
        self._store = store
        self._file = file
        self._fences = fences
        self._wake = wake
        self._rules: dict[str, str] = {}
        self._unchanged = Unchanged()

    def unit_changed(self, name: str) -> None:
        """Its unit is not as it was judged."""
        self._unchanged.disturb(name)

    async def is_to_be_left(self, pairing: Pairing) -> bool:
        """Whether it is held here, and dead because the machine shuts down: then it is released."""
        if not self._state.is_leaving or self._state.holding(pairing.name).claim is not Claim.MINE:
            return False
        return await self._hands.is_down_for_good(pairing)

    async def keep(self, pairing: Pairing) -> None:
        """One judgement of its hold, and what follows from it."""
        state, name = self._state, pairing.name
        if self._unchanged.stands(name, state.ground(name), state.clock.now_s()):
            await self.grant_token(pairing)
            return
        self._unchanged.begin(name)
        here = await self._hands.here(pairing)
        if await self.is_to_be_left(pairing):
            here = HereFact.DEAD
            state.gives[name] = Give("its controller goes down", by_human=True)
        ground, now_s = state.ground(name), state.clock.now_s()
        decision = state.decide(name, here)
        if here is not HereFact.UNSURE and decision.rule.verb is HoldVerb.NOTHING and decision.record is None:
            self._unchanged.keep(name, ground, now_s)
        outcome = await self._do(pairing, decision)
        if decision.rule.number != self._rules.get(name) or outcome:
            self._rules[name] = decision.rule.number
            state.asks.told(name, decision, outcome)
        state.show(name, decision)
        if decision.claim is Claim.MINE:
            if here is HereFact.DEAD:
                self._fences.begin(pairing, state.epoch(name))
            else:
                self._fences.skip(name, state.epoch(name))
        await self.grant_token(pairing)

    async def grant_token(self, pairing: Pairing) -> None:
        """Let it be started until the deadline that is armed now, if it is held here."""
        state, until_s = self._state, self._state.registrar.until_s
        holding = state.holding(pairing.name)
        if until_s is None or holding.claim is not Claim.MINE or pairing.name in state.stopping:
            return
        if holding.until_s == until_s or state.doubts:
            return
        if self._fences.is_busy(pairing.name):
            return
        if await self._hands.grant(pairing, until_s) == DONE:
            state.cover(pairing.name, until_s)
            if holding.until_s is None:
                state.asks.covered(pairing.name)

    # --- a decision carried out

    async def _do(self, pairing: Pairing, decision: HoldDecision) -> str:
        """Carry it out; what became of it, empty where there was nothing to do."""
        state, verb = self._state, decision.rule.verb
        if decision.claim is Claim.MINE:
            state.takes.pop(pairing.name, None)
        if verb not in (HoldVerb.STOP, HoldVerb.RELEASE):
            # Refused, or done, or there is no standby any more: then it is kept, and may be started again.
            state.gives.pop(pairing.name, None)
            await self._let_stop_end(pairing, decision)
        if verb is HoldVerb.RELEASE and pairing.name not in state.stop_asked:
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
        state, name, mine = self._state, pairing.name, decision.claim is Claim.MINE
        if name not in state.stopping:
            return
        if mine and decision.situation.here is HereFact.DEAD:
            now_s = state.clock.now_s()
            state.terms[name] = Terms(state.epoch(name), now_s, now_s)
        elif mine and not await self._hands.runs_on(pairing):
            return
        state.stopping.discard(name)
        state.stop_asked.discard(name)
        self._file.save_now()

    async def _stop(self, pairing: Pairing) -> str:
        """Until systemd took it: a stop takes its time, and the hold is renewed all the while."""
        state = self._state
        if pairing.name in state.stop_asked:
            return ""
        # Before anything is awaited: a pairing that ends just now is not to be started in between.
        state.uncover(pairing.name)
        revoked = await self._hands.revoke(pairing)
        if revoked != DONE:
            return revoked
        state.stopping.add(pairing.name)
        # A daemon that comes back while it is being stopped must know that no human wants it down.
        if not self._file.save_now():
            state.stopping.discard(pairing.name)
            return "refused: it cannot be left to the next daemon that this is no human's stop"
        outcome = await self._hands.stop(pairing)
        if outcome == DONE:
            state.stop_asked.add(pairing.name)
        return outcome

    async def _write(self, pairing: Pairing, decision: HoldDecision) -> str:
        """The transaction of a change of hands. Whose it is then is told by the next look."""
        state, name = self._state, pairing.name
        registrar, record, now_s = state.registrar, decision.record, state.clock.now_s()
        if registrar.registration is None or record is None or decision.expected is None:
            return ""
        if record.holder == state.me and decision.claim is not Claim.MINE:
            dead_s = dead_since_s(name, state.me, state.sight, state.timing)
            state.terms[name] = Terms(record.epoch, now_s, dead_s, came=dead_s is not None)
            self._file.save(registrar.registration.incarnation)
        puts = {hold_key(name): to_json(record)}
        fenced = state.sight.controller(decision.fences) if decision.fences else None
        if fenced is not None and fenced.value is not None:
            puts[controller_key(decision.fences)] = registrar.fenced_by_us(fenced.value)
        self._wake()
        outcome = await self._commit(decision, puts)
        if record.holder == state.me and decision.claim is not Claim.MINE:
            state.takeovers[name, outcome.partition(":")[0]] += 1
        give = state.give(name)
        if not record.holder and outcome == DONE and give is not None and give.has_failed:
            state.takeovers[name, "failed"] += 1
        return outcome

    async def _commit(self, decision: HoldDecision, puts: Mapping[str, Mapping[str, object]]) -> str:
        try:
            await self._store.commit(decision.expected or {}, puts)
        except StoreConflictError:
            return "refused: the records changed meanwhile"
        except StoreUnavailableError as error:
            self._state.doubt()
            return f"result-unknown: {error}"
        return DONE
