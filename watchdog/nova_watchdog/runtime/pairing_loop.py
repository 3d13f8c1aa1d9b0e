"""The loop of one pairing: observe, diagnose, decide, record, act.

Signals and probes only wake it; it then looks afresh. What it decides is recorded before it is done.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from nova_watchdog.core.budget import starts_left
from nova_watchdog.core.decide import (
    Decision,
    EnableService,
    RequestReadings,
    StartUnit,
    Wakeup,
    decide,
)
from nova_watchdog.core.kv import kv
from nova_watchdog.core.memory import Memory, remember
from nova_watchdog.core.model import (
    Mode,
    Observation,
    Observed,
    Pairing,
    Reading,
    ServicesView,
    UnitState,
    Unknown,
    VCenterView,
)
from nova_watchdog.core.policy import Policy
from nova_watchdog.core.record import TRANSITIONS_KEPT
from nova_watchdog.core.snapshot import PairingSnapshot, Transition
from nova_watchdog.core.state import PairingState
from nova_watchdog.ports import (
    Clock,
    NovaServices,
    ProbeError,
    StoreConflictError,
    StoreUnavailableError,
    Units,
)
from nova_watchdog.runtime.act import Outcome, Result, carry_out, name_of
from nova_watchdog.runtime.ledger import Ledger
from nova_watchdog.runtime.probe import Probe

_log = logging.getLogger("nova_watchdog.pairing")

_STALE = Result(Outcome.REFUSED, "the unit changed since it was looked at")


@dataclass(frozen=True, slots=True)
class World:
    """The ports that one pairing's loop needs. `count` receives (rule, action, outcome)."""

    clock: Clock
    units: Units
    nova: NovaServices
    vcenter: Probe[VCenterView]
    services: Probe[ServicesView]
    count: Callable[[str, str, str], None]


class PairingLoop:
    """Watches one pairing until cancelled. `snapshot` is None before the first tick."""

    def __init__(self, pairing: Pairing, policy: Policy, world: World, ledger: Ledger) -> None:
        self.pairing = pairing
        self._policy = policy
        self._world = world
        self._ledger = ledger
        self._wake = asyncio.Event()
        self._unit: Observed[UnitState] = Unknown("not read yet", world.clock.now_s())
        self._unit_changed = True
        self._state: PairingState | None = None
        self._transitions: tuple[Transition, ...] = ()
        self._memory = Memory(watching_since_s=world.clock.now_s())
        self._wakeup_at_s: float | None = None
        self._since_wall_s = world.clock.wall_s()
        self._last_action = ""
        self._store_problem = ""
        self.snapshot: PairingSnapshot | None = None
        world.units.subscribe(pairing.unit, self._on_unit_change)
        world.vcenter.subscribe(self._wake.set)
        world.services.subscribe(self._wake.set)

    def _on_unit_change(self) -> None:
        self._unit_changed = True
        self._wake.set()

    async def run(self) -> None:
        """Tick on each wake, and at the latest after `tick_s`."""
        while True:
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

    async def tick(self) -> None:
        """One round. Without its record in the store the pairing is only observed."""
        observation = await self._observe()
        if self._state is None:
            await self._load()
        now_s = self._world.clock.now_s()
        self._memory = remember(self._memory, self.pairing, observation)
        state = self._state or PairingState()
        pairing = self.pairing if self._state else replace(self.pairing, mode=Mode.OBSERVE)
        decision = decide(pairing, state, observation, self._memory, self._policy, now_s)
        edge = self._edge(decision)
        if not await self._record(decision, edge):
            self._show(observation, decision, state)
            return
        if edge:
            self._log_edge(observation, decision, edge)
        self._show(observation, decision, decision.state)
        await self._act(observation, decision)

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
        return Observation(self._unit, self._world.vcenter.observed, self._world.services.observed)

    async def _load(self) -> None:
        try:
            self._state, self._transitions = await self._ledger.load()
            self._tell_store("")
        except StoreUnavailableError as error:
            self._tell_store(str(error))

    async def _record(self, decision: Decision, edge: Transition | None) -> bool:
        """Whether the decision may be acted upon: it is written, or there was nothing to write."""
        if self._state is None:
            if edge:
                self._transitions = (*self._transitions, edge)[-TRANSITIONS_KEPT:]
            return True
        if edge is None and decision.state == self._state and not self._store_problem:
            return True
        transitions = (*self._transitions, edge)[-TRANSITIONS_KEPT:] if edge else self._transitions
        try:
            await self._ledger.save(decision.state, transitions)
        except StoreConflictError:
            self._state = None  # somebody else wrote: read anew, decide anew
            return False
        except StoreUnavailableError as error:
            self._tell_store(str(error))
            return False
        self._tell_store("")
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
        return Transition(
            wall_s=wall_s,
            diagnosis=diagnosis,
            phase=decision.state.phase.value,
            rule=rule,
            why=decision.rule.why,
            action=decision.rule.verb.value,
        )

    def _log_edge(self, observation: Observation, decision: Decision, edge: Transition) -> None:
        unit = observation.unit
        _log.log(
            logging.INFO if not decision.rule.remedy else logging.WARNING,
            kv(
                "edge",
                pairing=self.pairing.name,
                diagnosis=edge.diagnosis,
                phase=edge.phase,
                rule=edge.rule,
                why=edge.why,
                shown_by=f"{decision.diagnosis.number} {decision.diagnosis.shown_by}",
                unit=f"{unit.value.active.value} {unit.value.detail}".strip()
                if isinstance(unit, Reading)
                else f"unknown: {unit.reason}",
                vcenter=decision.facts.vcenter.value,
                vcenter_detail=self._world.vcenter.snapshot.detail or None,
                nova=decision.facts.nova.value,
                heartbeat=decision.facts.heartbeat.value,
                service=decision.facts.service.value,
                budget_left=starts_left(decision.state, self._policy, self._world.clock.now_s()),
                remedy=self._remedy(decision) or None,
            ),
        )

    def _remedy(self, decision: Decision) -> str:
        remedy = decision.rule.remedy
        return remedy.replace("UNIT", self.pairing.unit).replace("HOST", self.pairing.host)

    def _show(self, observation: Observation, decision: Decision, state: PairingState) -> None:
        now_s = self._world.clock.now_s()
        self.snapshot = PairingSnapshot(
            pairing=self.pairing,
            observation=observation,
            memory=self._memory,
            decision=decision,
            remedy=self._remedy(decision),
            starts_left=starts_left(state, self._policy, now_s),
            budget=self._policy.restart_budget,
            diagnosis_since_wall_s=self._since_wall_s,
            ticked_at_s=now_s,
            last_action=self._last_action,
            store_problem=self._store_problem,
            transitions=self._transitions,
        )

    async def _act(self, observation: Observation, decision: Decision) -> None:
        self._wakeup_at_s = None
        for action in decision.actions:
            if isinstance(action, Wakeup):
                self._wakeup_at_s = action.at_s
            elif isinstance(action, RequestReadings):
                self._world.vcenter.request()
                self._world.services.request()
            else:
                stale = isinstance(action, StartUnit) and not await self._still_holds(observation)
                result = _STALE if stale else await carry_out(action, self._world.units, self._world.nova)
                self._acted(decision, action, result)
                self._unit_changed = True
                self._world.services.request()
                self._wake.set()

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

    def _acted(self, decision: Decision, action: StartUnit | EnableService, result: Result) -> None:
        name, rule = name_of(action), decision.rule.number
        self._world.count(rule, name, result.outcome.value)
        self._last_action = f"{name}: {result.outcome.value} {result.reason}".strip()
        _log.warning(
            kv(
                "action",
                pairing=self.pairing.name,
                action=name,
                target=action.unit if isinstance(action, StartUnit) else action.host,
                outcome=result.outcome.value,
                reason=result.reason or None,
                rule=rule,
                why=decision.rule.why,
            )
        )
