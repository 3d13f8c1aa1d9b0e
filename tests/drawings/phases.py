"""The phases of a pairing as a Mermaid diagram, with the edges that a walk over the tables finds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import cache

from core.builders import PAIRING, POLICY, RUNNING, reading
from drawings.tables import comment, escaped, link
from drawings.walk import deciding
from nova_watchdog.core import diagnose
from nova_watchdog.core.decide import decide
from nova_watchdog.core.diagnose import Diagnosis
from nova_watchdog.core.facts import Facts, UnitFact
from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.hold.holding import Holding
from nova_watchdog.core.memory import Memory
from nova_watchdog.core.model import Observation, Unknown
from nova_watchdog.core.permission import Permission
from nova_watchdog.core.record import from_record, to_record
from nova_watchdog.core.rules import TABLE, Next, Rule, Situation, Verb
from nova_watchdog.core.state import PairingState, Phase

Cause = Rule | str
Edges = Mapping[tuple[Phase, Phase], tuple[Cause, ...]]
_UNREAD = Unknown("not asked", 0.0)


def once_it_runs(phase: Phase) -> Phase:
    """The phase when nothing is known but that the unit runs."""
    return _judged(phase, Observation(reading(RUNNING, 200.0), _UNREAD, _UNREAD))


def after_a_reboot(phase: Phase) -> Phase:
    """The phase that the record gives to the daemon of the next boot."""
    state, _ = from_record(to_record(PairingState(phase=phase), (), "one boot"), "the next boot")
    return state.phase


def once_held(phase: Phase) -> Phase:
    """The phase when this controller's hold begins."""
    return _judged(phase, Observation(_UNREAD, _UNREAD, _UNREAD), Holding(Claim.MINE, epoch=1))


def once_held_stopped(phase: Phase) -> Phase:
    """The phase when it begins, of a pairing that a human has stopped under whoever held it before."""
    return _judged(phase, Observation(_UNREAD, _UNREAD, _UNREAD), Holding(Claim.MINE, epoch=1, stopped=True))


# What changes the phase before any rule is asked, by the words of its arrow.
BEFORE_RULES: Mapping[str, Callable[[Phase], Phase]] = {
    "its unit runs": once_it_runs,
    "reboot": after_a_reboot,
    "hold begins": once_held,
    "hold begins (stopped)": once_held_stopped,
}


@cache
def edges() -> Edges:
    """From phase to phase: what brings it there. Into the same phase: only the rules that act there."""
    found: dict[tuple[Phase, Phase], list[Cause]] = defaultdict(list)
    for phase in Phase:
        for cause, follows in BEFORE_RULES.items():
            if follows(phase) is not phase:
                found[phase, follows(phase)].append(cause)
        decided = _decided(phase)
        for rule in (rule for rule in TABLE if rule.number in decided):
            after = phase if rule.next is Next.KEEP else Phase(rule.next.value)
            if after is not phase or rule.verb is not Verb.NOTHING:
                found[phase, after].append(rule)
    return {
        (one, other): tuple(found[one, other]) for one in Phase for other in Phase if (one, other) in found
    }


def diagram() -> Iterator[str]:
    """The lines of the diagram. Names of states have no dashes: those are in what is shown."""
    yield "stateDiagram-v2"
    for phase in Phase:
        yield f'    state "{phase.value}" as {phase.name}'
    yield f"    [*] --> {PairingState().phase.name}"
    for (before, after), causes in edges().items():
        yield f"    {before.name} --> {after.name}: {', '.join(_told(cause) for cause in causes)}"


def table() -> Iterator[str]:
    """The same edges for a terminal, with links to the rules."""
    yield from ("| phase | meaning | what leads on |", "|---|---|---|")
    for phase in Phase:
        told = [
            f"to `{after.value}`: {', '.join(_linked(cause) for cause in causes)}"
            for (before, after), causes in edges().items()
            if before is phase and after is not phase
        ]
        yield f"| `{phase.value}` | {escaped(comment(phase)) or '-'} | {'; '.join(told)} |"


def _judged(phase: Phase, seen: Observation, holding: Holding | None = None) -> Phase:
    """The phase after a look that shows too little for a rule to change it."""
    decision = decide(
        PAIRING,
        PairingState(phase=phase),
        seen,
        Memory(watching_since_s=0.0),
        POLICY,
        200.0,
        permission=Permission.PROTECT,
        holding=holding,
    )
    assert decision.rule.next is Next.KEEP
    return decision.state.phase


def _decided(phase: Phase) -> set[str]:
    """The rules that decide in that phase.

    A unit that runs is watched before any rule is asked, so what is only ever said of one that runs
    is said in no other phase.
    """
    can_run = phase in {once_it_runs(before) for before in Phase}
    said = set(Diagnosis) if can_run else _said_without_a_process()
    return {n for diagnosis in said for n in deciding(TABLE, Situation, phase=phase, diagnosis=diagnosis)}


@cache
def _said_without_a_process() -> frozenset[Diagnosis]:
    words = {row.number: row.diagnosis for row in diagnose.TABLE}
    units = [unit for unit in UnitFact if unit is not UnitFact.UP]
    return frozenset(words[n] for unit in units for n in deciding(diagnose.TABLE, Facts, unit=unit))


def _told(cause: Cause) -> str:
    return cause if isinstance(cause, str) else f"{cause.number}{_deed(cause)}"


def _linked(cause: Cause) -> str:
    return cause if isinstance(cause, str) else f"{link(cause.number)}{_deed(cause)}"


def _deed(rule: Rule) -> str:
    return "" if rule.verb is Verb.NOTHING else f" ({rule.verb.value})"
