"""The loop of one pairing: observe, diagnose, decide, record, act.

Signals and probes only wake it; it then looks afresh. What it decides is recorded before it is done.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import replace

from nova_watchdog.core.alike import shows_the_same
from nova_watchdog.core.breaker import Peer, arrives, breaker_of, has_own_account, is_suspect
from nova_watchdog.core.budget import last_action_at_s, starts_left
from nova_watchdog.core.decide import (
    Decision,
    KillUnit,
    Mutation,
    RequestReadings,
    StartUnit,
    Wakeup,
    decide,
)
from nova_watchdog.core.diagnose import Condition, Diagnosis, condition_of
from nova_watchdog.core.kv import kv
from nova_watchdog.core.memory import Memory, carried_over, remember
from nova_watchdog.core.model import Observation, Observed, Pairing, Reading, UnitState, Unknown
from nova_watchdog.core.permission import Pause, Permission, permission_of, with_hold
from nova_watchdog.core.policy import Policy
from nova_watchdog.core.record import TRANSITIONS_KEPT
from nova_watchdog.core.rules import Verb
from nova_watchdog.core.snapshot import PairingSnapshot, Transition
from nova_watchdog.core.state import PairingState
from nova_watchdog.ports import ProbeError, StoreConflictError, StoreUnavailableError
from nova_watchdog.runtime import edges
from nova_watchdog.runtime.act import Outcome, Result, carry_out, name_of, target_of
from nova_watchdog.runtime.ledger import Ledger
from nova_watchdog.runtime.takeovers import Takeover
from nova_watchdog.runtime.telling import PairingEvents
from nova_watchdog.runtime.wishes import PauseWishes
from nova_watchdog.runtime.world import World

_log = logging.getLogger("nova_watchdog.pairing")

_STALE = Result(Outcome.REFUSED, "the unit changed since it was looked at")
_NOT_HELD = Result(Outcome.REFUSED, "this controller's hold does not cover it any more")
_SETTLED = (Diagnosis.HEALTHY, Diagnosis.CLUSTER_DEGRADED, Diagnosis.DEGRADED)
# Where nothing is to be done, and nothing is waited for.
_CONTENT = (Diagnosis.HEALTHY, Diagnosis.STANDBY)


class PairingLoop:
    """Watches one pairing until cancelled or retired. `snapshot` is None before the first tick.

    before: the loop of the same unit and host until a reload, so that the reload forgets nothing.
    """

    def __init__(
        self,
        pairing: Pairing,
        policy: Policy,
        world: World,
        ledger: Ledger,
        before: PairingLoop | None = None,
    ) -> None:
        self.pairing = pairing
        self.memory = Memory(watching_since_s=world.clock.now_s())
        self._policy = policy
        self._world = world
        self._ledger = ledger
        self._wake = asyncio.Event()
        self._peer = Peer(pairing, suspect=False, settled=False, acted_at_s=None)
        self._unit: Observed[UnitState] = Unknown("not read yet", world.clock.now_s())
        self._unit_changed = True
        # What the last look saw, where it left nothing to do and to wait for.
        self._content_with: Observation | None = None
        self._is_retired = False
        self._state: PairingState | None = None
        self._transitions: tuple[Transition, ...] = ()
        self._wakeup_at_s: float | None = None
        self._acted_at_s: float | None = None
        self._arrived = False
        self._since_wall_s = world.clock.wall_s()
        self._last_action = ""
        self._store_problem = ""
        self._wishes = PauseWishes()
        self._notes: deque[edges.Note] = deque(maxlen=TRANSITIONS_KEPT)
        self._events = PairingEvents(pairing, world.controller)
        self._takeover = Takeover(policy.start_cap_s)
        self._failed_s = 0.0
        self.snapshot: PairingSnapshot | None = None
        if before is not None:
            self._inherit(before)
        self._renew_peer()
        world.units.subscribe(pairing.unit, self._on_unit_change)
        for probe in world.probes:
            probe.subscribe(self._on_reading)

    def _inherit(self, before: PairingLoop) -> None:
        """Go on where another loop left off; wishes that wait there are answered here."""
        self.memory = carried_over(before.memory, before.pairing, self.pairing)
        self.snapshot = before.snapshot
        self._acted_at_s, self._arrived = before._acted_at_s, before._arrived
        self._since_wall_s = before._since_wall_s
        self._last_action = before._last_action
        self._failed_s = before._failed_s
        self._wishes = before._wishes
        self._notes = before._notes
        self._events = before._events
        self._takeover = before._takeover

    def retire(self) -> None:
        """End after the tick that is under way, and hear of no reading any more.

        Not cancelled: an action that is cut off may have happened, and nobody would be told.
        """
        self._is_retired = True
        self._wake.set()
        for probe in self._world.probes:
            probe.unsubscribe(self._on_reading)

    def wake(self) -> None:
        """Look again now: the hold changed."""
        self._wake.set()

    def _on_reading(self) -> None:
        """Look again now, unless all is well and this reading shows what the last look saw.

        Such a reading waits for the next tick: of many pairings each would else look at every reading. Only
        Nova's answer is remembered at once: the next one may be here sooner, and it tells by what changed.
        """
        before, now = self._content_with, self._world.probes.observation(self._unit)
        if before is None or self._unit_changed or not shows_the_same(self.pairing, before, now):
            self._wake.set()
        elif now.services is not before.services:
            self.memory = remember(self.memory, self.pairing, now)
            self._content_with = now

    def _on_unit_change(self) -> None:
        self._unit_changed = True
        self._wake.set()

    async def run(self) -> None:
        """Tick on each wake, and at the latest after `tick_s`, until cancelled or retired."""
        while not self._is_retired:
            self._wake.clear()
            await self.tick()
            try:
                async with asyncio.timeout(self._sleep_s()):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _sleep_s(self) -> float:
        if self._wakeup_at_s is None:
            return self._policy.tick_s
        until_s = self._wakeup_at_s - self._world.clock.now_s()
        return min(self._policy.tick_s, max(0.01, until_s))

    async def pause(self, pause: Pause | None) -> None:
        """Take a human's pause, or end it (None), from the next tick on.

        Returns when it is recorded. Raises StoreUnavailableError when it could not be.
        """
        recorded = self._wishes.add(pause)
        self._wake.set()
        await recorded

    def note(self, action: str, why: str) -> None:
        """Keep it in the history, with the next look."""
        self._notes.append(edges.Note(self._world.clock.wall_s(), action, why))
        self._wake.set()

    def peer(self) -> Peer:
        """This pairing as the others' breaker sees it: asked for at each look of each of them."""
        return self._peer

    def _renew_peer(self) -> None:
        """After each change of what it tells, and before anything is awaited."""
        shown = self.snapshot
        word = shown.decision.diagnosis.diagnosis if shown else Diagnosis.UNKNOWN
        suspect, settled = is_suspect(word, self.memory), word in _SETTLED
        told = (self._peer.suspect, self._peer.settled, self._peer.acted_at_s)
        if told != (suspect, settled, self._acted_at_s):
            self._peer = Peer(self.pairing, suspect, settled, self._acted_at_s, self._arrived)

    async def tick(self) -> None:
        """One round. Without its record in the store the pairing is only observed."""
        self._content_with = None
        observation = await self._observe()
        if self._state is None:
            await self._load()
        now_s, wall_s = self._world.clock.now_s(), self._world.clock.wall_s()
        self.memory = remember(self.memory, self.pairing, observation)
        state = self._with_pause(self._state or PairingState(), wall_s)
        window = self._world.window(self.pairing.name, wall_s)
        holding = self._world.holding(self.pairing.name)
        permission = permission_of(self.pairing.mode, state.pause, window, wall_s)
        permission = with_hold(permission, holding, now_s)
        if self._state is None and permission is not Permission.OBSERVE:
            permission = Permission.NO_RECORD
        peers = tuple(self._world.peers())
        arriving = arrives(holding, self.memory, self._acted_at_s)
        decision = decide(
            self.pairing,
            state,
            observation,
            self.memory,
            self._policy,
            now_s,
            permission=permission,
            breaker=breaker_of(self.pairing, peers, self._policy, now_s, arriving=arriving),
            holding=holding,
            own_account=has_own_account(self.pairing, peers),
        )
        acted_before = self._acted_at_s, self._arrived
        if decision.rule.verb in (Verb.START, Verb.START_FREE, Verb.KILL):
            # Before anything is awaited: no other loop may decide on the same picture.
            self._acted_at_s, self._arrived = now_s, arriving
        self._renew_peer()
        ask = self._world.probes.inventory.request
        if why := self._takeover.verified(
            holding, decision, observation, self.pairing, self.memory, now_s, ask
        ):
            self.note("verified", why)
        edge = self._edge(decision)
        if not await self._record(decision, edge):
            # Nothing is done. Should it have been written all the same, it is read with the record.
            self._acted_at_s, self._arrived = acted_before
            self._renew_peer()
            self._show(observation, decision, state, permission, window)
            return
        if edge:
            self._log_edge(observation, decision, edge)
        self._show(observation, decision, decision.state, permission, window)
        self._world.tell(self._events.judged(decision, wall_s))
        await self._act(observation, decision)
        if self._is_content(decision):
            self._content_with = observation

    def _is_content(self, decision: Decision) -> bool:
        """Whether all is well, recorded, and nothing is under way."""
        well = decision.diagnosis.diagnosis in _CONTENT and not decision.actions
        return well and self._state is not None and not self._store_problem

    def _with_pause(self, state: PairingState, wall_s: float) -> PairingState:
        """The state with the last wish in it, and without a pause that is over."""
        pause = self._wishes.last(state.pause)
        if pause is not None and not pause.holds(wall_s):
            pause = None
        return state if pause == state.pause else replace(state, pause=pause)

    async def _observe(self) -> Observation:
        """The unit is read when a signal told of a change (or the last read failed), never by poll."""
        if self._unit_changed or isinstance(self._unit, Unknown):
            self._unit_changed = False
            began_s = self._world.clock.now_s()
            try:
                value = await self._world.units.read(self.pairing.unit)
                self._unit = Reading(value, began_s, self._world.clock.now_s())
            except ProbeError as error:
                self._unit = Unknown(str(error), began_s)
        return self._world.probes.observation(self._unit)

    async def _load(self) -> None:
        try:
            self._state, self._transitions = await self._ledger.load()
            self._acted_at_s, self._arrived = last_action_at_s(self._state), False
            self._tell_store("")
        except StoreUnavailableError as error:
            self._tell_store(str(error))

    async def _record(self, decision: Decision, edge: Transition | None) -> bool:
        """Whether the decision may be acted upon: it is written, or there was nothing to write."""
        if self._state is None:
            self._wishes.failed(self._store_problem)
            if edge:
                self._transitions = (*self._transitions, edge)[-TRANSITIONS_KEPT:]
            return True
        notes = tuple(self._notes)
        new = [edges.noted(decision, note) for note in notes]
        if decision.state.pause != self._state.pause:
            wall_s = self._world.clock.wall_s()
            new.append(edges.pause_transition(decision, self._state.pause, wall_s))
        if edge:
            new.append(edge)
        if not new and decision.state == self._state and not self._store_problem:
            self._wishes.recorded()
            return True
        transitions = (*self._transitions, *new)[-TRANSITIONS_KEPT:]
        try:
            await self._ledger.save(decision.state, transitions)
        except StoreConflictError:
            self._state = None  # somebody else wrote: read anew, decide anew
            return False
        except StoreUnavailableError as error:
            self._tell_store(str(error))
            self._wishes.failed(str(error))
            return False
        self._tell_store("")
        self._wishes.recorded()
        for note in notes:
            self._notes.remove(note)
        self._state, self._transitions = decision.state, transitions
        return True

    def _tell_store(self, problem: str) -> None:
        """Log on edges only."""
        if problem == self._store_problem:
            return
        self._store_problem = problem
        if problem:
            _log.error(kv("store-unavailable", pairing=self.pairing.name, reason=problem))
        else:
            _log.info(kv("store-available", pairing=self.pairing.name))

    def _edge(self, decision: Decision) -> Transition | None:
        """The transition, where the diagnosis or the rule changed."""
        before = self._transitions[-1] if self._transitions and self.snapshot else None
        diagnosis, rule = decision.diagnosis.diagnosis.value, decision.rule.number
        if before and (before.diagnosis, before.rule) == (diagnosis, rule):
            return None
        wall_s = self._world.clock.wall_s()
        shown = self.snapshot.decision.diagnosis.diagnosis.value if self.snapshot else ""
        if shown != diagnosis:  # not `before`: without a store the recorded one stays behind
            self._since_wall_s = wall_s
        return edges.transition(decision, wall_s)

    def _log_edge(self, observation: Observation, decision: Decision, edge: Transition) -> None:
        probes = self._world.probes
        edges.log_edge(
            self.pairing,
            observation,
            decision,
            edge,
            vcenter_detail=probes.vcenter.snapshot.detail,
            bus_detail=probes.bus.snapshot.detail if probes.bus else "",
            starts_left=starts_left(decision.state, self._policy, self._world.clock.now_s()),
        )

    def _show(
        self,
        observation: Observation,
        decision: Decision,
        state: PairingState,
        permission: Permission,
        window: str,
    ) -> None:
        now_s = self._world.clock.now_s()
        before = self.snapshot
        if before and condition_of(before.decision.diagnosis.diagnosis) is Condition.FAILED:
            self._failed_s += now_s - before.ticked_at_s
        self.snapshot = PairingSnapshot(
            pairing=self.pairing,
            observation=observation,
            memory=self.memory,
            decision=decision,
            remedy=edges.remedy_of(self.pairing, decision),
            starts_left=starts_left(state, self._policy, now_s),
            budget=self._policy.restart_budget,
            diagnosis_since_wall_s=self._since_wall_s,
            ticked_at_s=now_s,
            last_action=self._last_action,
            store_problem=self._store_problem,
            transitions=self._transitions,
            permission=permission,
            pause=state.pause,
            window=window,
            failed_s=self._failed_s,
        )
        self._renew_peer()

    async def _act(self, observation: Observation, decision: Decision) -> None:
        self._wakeup_at_s = None
        for action in decision.actions:
            if isinstance(action, Wakeup):
                self._wakeup_at_s = action.at_s
            elif isinstance(action, RequestReadings):
                self._world.probes.request()
            else:
                on_unit = isinstance(action, StartUnit | KillUnit)
                stale = on_unit and not await self._still_holds(observation)
                if not self._is_still_ours():
                    result = _NOT_HELD
                else:
                    result = _STALE if stale else await carry_out(action, self._world.units, self._world.nova)
                self._acted(decision, action, result)
                self._unit_changed = True
                self._world.probes.services.request()
                self._wake.set()

    def _is_still_ours(self) -> bool:
        """Whether the hold still covers an action: the record's write may have taken seconds."""
        holding = self._world.holding(self.pairing.name)
        return holding is None or holding.allows(self._world.clock.now_s())

    async def _still_holds(self, judged: Observation) -> bool:
        """Whether the unit is as it was judged, after a signal came in the meantime.

        The record's write may take seconds, and a dead unit that somebody stopped meanwhile is still the
        invocation that was judged: the port alone could not tell.
        """
        if not self._unit_changed:
            return True
        now = (await self._observe()).unit
        if isinstance(now, Unknown) or isinstance(judged.unit, Unknown):
            return False
        return now.value == judged.unit.value

    def _acted(self, decision: Decision, action: Mutation, result: Result) -> None:
        name, rule = name_of(action), decision.rule.number
        self._world.count(rule, name, result.outcome.value)
        self._last_action = f"{name}: {result.outcome.value} {result.reason}".strip()
        wall_s = self._world.clock.wall_s()
        self._world.tell(self._events.acted(decision, name, target_of(action), result, wall_s))
        _log.warning(
            kv(
                "action",
                pairing=self.pairing.name,
                action=name,
                target=target_of(action),
                outcome=result.outcome.value,
                reason=result.reason or None,
                rule=rule,
                why=decision.rule.why,
            )
        )
