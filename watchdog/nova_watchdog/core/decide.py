"""State, diagnosis and now in, decision out. Actions are values; nothing is done here."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nova_watchdog.core import budget
from nova_watchdog.core.breaker import Breaker
from nova_watchdog.core.budget import Pace
from nova_watchdog.core.concerns import Worry, worries_of
from nova_watchdog.core.diagnose import Diagnosis, diagnose
from nova_watchdog.core.diagnose import Row as DiagnosisRow
from nova_watchdog.core.facts import Facts, VCenterFact, facts_of, service_record
from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.hold.holding import Holding
from nova_watchdog.core.memory import Memory
from nova_watchdog.core.model import DRIVER_DISABLED_REASON, Observation, Pairing, Reading, Unknown
from nova_watchdog.core.permission import Permission
from nova_watchdog.core.policy import NOVA_REPORT_INTERVAL_S, Policy
from nova_watchdog.core.rules import Next, Proof, Rule, Situation, Verb, rule_for
from nova_watchdog.core.sessions import NovaSession, session_of, still_starts
from nova_watchdog.core.state import PairingState, Phase

# Two missed reports, and half of one for their way.
_SILENT_FOR_S = 2.5 * NOVA_REPORT_INTERVAL_S


@dataclass(frozen=True, slots=True)
class StartUnit:
    """Start the unit, if it is still the dead invocation that was judged."""

    unit: str
    expected_invocation: str


@dataclass(frozen=True, slots=True)
class KillUnit:
    """Kill every process of the unit, if it still is the invocation that was judged."""

    unit: str
    expected_invocation: str


@dataclass(frozen=True, slots=True)
class EnableService:
    """Enable the service, if it is still disabled with exactly that reason."""

    host: str
    only_if_reason: str


@dataclass(frozen=True, slots=True)
class RequestReadings:
    """Ask the probes of this pairing to run now."""


@dataclass(frozen=True, slots=True)
class Wakeup:
    """Look again at that time, even if nothing else wakes the pairing."""

    at_s: float


Mutation = StartUnit | KillUnit | EnableService
Action = Mutation | RequestReadings | Wakeup


@dataclass(frozen=True, slots=True)
class Decision:
    """What was judged, by which rows, what follows, and what is to be done.

    `situation`: the columns of the rule table as `rule` matched them. `worries`: what is not as it should
    be, beside the diagnosis. `session`: nova-compute's at its vCenter; `still_starts`: its calls show that a
    start goes on which nothing else shows any more.
    """

    facts: Facts
    diagnosis: DiagnosisRow
    situation: Situation
    rule: Rule
    state: PairingState
    actions: tuple[Action, ...]
    worries: tuple[Worry, ...]
    session: NovaSession
    still_starts: bool


def decide(  # noqa: PLR0913 - everything that a decision depends on, by name
    pairing: Pairing,
    state: PairingState,
    observation: Observation,
    memory: Memory,
    policy: Policy,
    now_s: float,
    *,
    permission: Permission,
    breaker: Breaker = Breaker.CLOSED,
    holding: Holding | None = None,
    own_account: bool = True,
) -> Decision:
    """Judge one pairing. `memory` already holds this observation; `holding`: None: no other shares it.

    own_account: no other pairing of this daemon has its vCenter account: whose a session is can be told.
    """
    state = _held(_seen(state, observation), holding)
    state = _with_operator(pairing, state, observation)
    worries = worries_of(pairing, observation, memory, policy, now_s)
    session = session_of(observation, memory, policy, now_s)
    starts = own_account and still_starts(session, memory, policy, now_s)
    facts = facts_of(
        pairing, state, observation, memory, worries, policy, now_s, holding, still_starts=starts
    )
    row = diagnose(facts)
    pace = _pace(state, row.diagnosis, policy, now_s)
    held = permission is not Permission.PROTECT or breaker is not Breaker.CLOSED or pace is not Pace.READY
    state = _suspected(state, row.diagnosis, now_s, held=held)
    situation = Situation(
        permission=permission,
        phase=state.phase,
        diagnosis=row.diagnosis,
        proof=_proof_of_hang(state, observation)
        if row.diagnosis is Diagnosis.PROCESS_HUNG
        else _proof(
            facts,
            memory,
            policy,
            witnessed=_is_witnessed(pairing, state, observation, memory, now_s, holding),
        ),
        pace=pace,
        breaker=breaker,
    )
    rule = rule_for(situation)
    after = _next_state(state, row.diagnosis, rule, policy, now_s)
    actions = _actions(pairing, observation, rule)
    wakeup = _wakeup(situation, state, policy)
    return Decision(facts, row, situation, rule, after, actions + wakeup, worries, session, starts)


def _seen(state: PairingState, observation: Observation) -> PairingState:
    """A unit that runs is watched, whoever started it and whatever else is known of it."""
    if isinstance(observation.unit, Unknown) or not observation.unit.value.runs:
        return state
    phase = state.phase if state.phase is Phase.RECOVERING else Phase.WATCHING
    if state.seen_running and phase is state.phase:
        return state
    return replace(state, seen_running=True, phase=phase)


def _with_operator(pairing: Pairing, state: PairingState, observation: Observation) -> PairingState:
    """An operator's disable stands until the service is enabled, whatever the driver writes over it."""
    record = service_record(pairing, observation)
    if record is None:
        return state
    if record.disabled and record.disabled_reason == DRIVER_DISABLED_REASON:
        return state
    if record.disabled == state.operator_disabled:
        return state
    return replace(state, operator_disabled=record.disabled)


def _proof(facts: Facts, memory: Memory, policy: Policy, *, witnessed: bool) -> Proof:
    if not witnessed:
        return Proof.UNWITNESSED
    if facts.vcenter is not VCenterFact.OK:
        return Proof.NONE
    return Proof.SETTLED if memory.vcenter_held_s >= policy.settle_s else Proof.PASSED


def _is_witnessed(
    pairing: Pairing,
    state: PairingState,
    observation: Observation,
    memory: Memory,
    now_s: float,
    holding: Holding | None,
) -> bool:
    """Proof of life: whether something shows that nobody runs it now.

    It ran and ended here under this very hold, its last holder must be dead, or Nova's record is silent.
    """
    if holding is None or holding.claim is Claim.NOBODY:
        if state.seen_running:
            return True
    elif holding.dead_since_s is not None or memory.process_ended_at_s >= holding.since_s:
        return True
    return _is_silent(pairing, observation, memory, now_s)


def _held(state: PairingState, holding: Holding | None) -> PairingState:
    """A hold that begins makes the pairing this controller's, with what its last holder knew of it."""
    if holding is None or holding.claim is not Claim.MINE or holding.epoch == state.held_epoch:
        return state
    phase = Phase.STOPPED if holding.stopped else Phase.WATCHING
    return replace(state, phase=phase, attempts=0, held_epoch=holding.epoch)


def _suspected(state: PairingState, diagnosis: Diagnosis, now_s: float, *, held: bool) -> PairingState:
    """Since when it is judged to be hung with nothing to hold a kill: its proof begins there.

    What was read during a pause proves nothing for a kill at its end.
    """
    if held or diagnosis is not Diagnosis.PROCESS_HUNG:
        return state if state.hung_since_s is None else replace(state, hung_since_s=None)
    return state if state.hung_since_s is not None else replace(state, hung_since_s=now_s)


def _proof_of_hang(state: PairingState, observation: Observation) -> Proof:
    """Whether both witnesses spoke again since the verdict: a process may come back at any moment."""
    witnesses = (observation.bus, observation.services)
    since_s = state.hung_since_s or 0.0
    again = all(isinstance(one, Reading) and one.began_at_s > since_s for one in witnesses)
    return Proof.PASSED if again else Proof.NONE


def _is_silent(pairing: Pairing, observation: Observation, memory: Memory, now_s: float) -> bool:
    """Whether Nova shows that nobody runs this nova-compute: it counts as down, or has long been silent.

    Without a record nothing is shown: a cell that is down leaves its records out of the answer.
    """
    record = service_record(pairing, observation)
    if record is None:
        return False
    if not record.up:
        return True
    return memory.silent_since_s is not None and now_s - memory.silent_since_s >= _SILENT_FOR_S


def _pace(state: PairingState, diagnosis: Diagnosis, policy: Policy, now_s: float) -> Pace:
    if diagnosis is Diagnosis.STUCK_DISABLED:
        return budget.enable_pace(state, policy, now_s)
    if diagnosis is Diagnosis.PROCESS_HUNG:
        return budget.kill_pace(state, policy, now_s)
    pace = budget.start_pace(state, policy, now_s)
    if pace is Pace.SPENT and state.phase is Phase.WAITING:
        # A start after an outage costs nothing, so a spent budget does not forbid it; its pause does.
        backing_off = now_s < budget.next_start_at_s(state, policy)
        return Pace.BACKING_OFF if backing_off else Pace.SPENT
    return pace


def _next_state(
    state: PairingState, diagnosis: Diagnosis, rule: Rule, policy: Policy, now_s: float
) -> PairingState:
    if rule.refund:
        state = budget.refunded(state)
    if rule.verb in (Verb.START, Verb.START_FREE):
        state = budget.with_start(state, policy, now_s, charged=rule.verb is Verb.START)
    if rule.verb is Verb.ENABLE:
        state = replace(state, last_enable_at_s=now_s)
    if rule.verb is Verb.KILL:
        state = replace(state, last_kill_at_s=now_s)
    works = diagnosis in (Diagnosis.HEALTHY, Diagnosis.CLUSTER_DEGRADED, Diagnosis.DEGRADED)
    if works and state.attempts:
        state = replace(state, attempts=0)
    if rule.next is Next.KEEP or rule.next.value == state.phase.value:
        return state
    return replace(state, phase=Phase(rule.next.value))


def _actions(pairing: Pairing, observation: Observation, rule: Rule) -> tuple[Action, ...]:
    """The row's verb as values. A start names the invocation that was judged."""
    if rule.verb is Verb.PROBE:
        return (RequestReadings(),)
    if rule.verb is Verb.ENABLE:
        return (EnableService(pairing.host, only_if_reason=DRIVER_DISABLED_REASON),)
    if not isinstance(observation.unit, Reading):
        return ()
    invocation = observation.unit.value.invocation_id
    if rule.verb is Verb.KILL:
        return (KillUnit(pairing.unit, expected_invocation=invocation),)
    if rule.verb in (Verb.START, Verb.START_FREE):
        return (StartUnit(pairing.unit, expected_invocation=invocation),)
    return ()


def _wakeup(situation: Situation, state: PairingState, policy: Policy) -> tuple[Action, ...]:
    """When the same readings would decide otherwise, only because time passed.

    Everything else is soon enough at the next tick.
    """
    if situation.permission is not Permission.PROTECT:
        return ()
    if situation.pace is Pace.BACKING_OFF:
        if situation.diagnosis is Diagnosis.STUCK_DISABLED:
            return (Wakeup(budget.next_enable_at_s(state, policy)),)
        if situation.diagnosis is Diagnosis.PROCESS_DOWN:
            return (Wakeup(budget.next_start_at_s(state, policy)),)
    return ()
