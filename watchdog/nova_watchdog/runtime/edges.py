"""Edges: what changed, as a transition for the record and as one line for the log."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime

from nova_watchdog.core.decide import Decision
from nova_watchdog.core.facts import Facts
from nova_watchdog.core.kv import kv
from nova_watchdog.core.model import Observation, Pairing, Reading
from nova_watchdog.core.permission import Pause
from nova_watchdog.core.snapshot import Transition

_log = logging.getLogger("nova_watchdog.pairing")


def transition(decision: Decision, wall_s: float) -> Transition:
    """The edge to this decision."""
    return Transition(
        wall_s=wall_s,
        diagnosis=decision.diagnosis.diagnosis.value,
        phase=decision.state.phase.value,
        rule=decision.rule.number,
        why=decision.rule.why,
        action=decision.rule.verb.value,
        readings=facts_line(decision.facts),
    )


def pause_transition(decision: Decision, before: Pause | None, wall_s: float) -> Transition:
    """The edge to a pause, or to its end."""
    pause = decision.state.pause
    if pause is not None:
        action, why = "pause", f"paused by {pause.by} until {rfc3339(pause.until_wall_s)}: {pause.reason}"
    else:
        over = before is not None and not before.holds(wall_s)
        action, why = "resume", "the pause has ended" if over else "resumed by a human"
    return noted(decision, Note(wall_s, action, why))


@dataclass(frozen=True, slots=True)
class Note:
    """What belongs into a pairing's history and is no edge: who asked for what, what became of a hold."""

    wall_s: float
    action: str
    why: str


def noted(decision: Decision, note: Note) -> Transition:
    """A note beside what was judged then."""
    return Transition(
        wall_s=note.wall_s,
        diagnosis=decision.diagnosis.diagnosis.value,
        phase=decision.state.phase.value,
        rule=decision.rule.number,
        why=note.why,
        action=note.action,
        readings=facts_line(decision.facts),
    )


def facts_line(facts: Facts) -> str:
    """`unit=up vcenter=ok ...`: the readings of an edge in one line."""
    return " ".join(f"{name}={getattr(facts, name).value}" for name in Facts.__slots__)


def rfc3339(wall_s: float) -> str:
    """A Unix time in UTC, to the second."""
    return f"{datetime.fromtimestamp(wall_s, UTC):%Y-%m-%dT%H:%M:%SZ}"


def remedy_of(pairing: Pairing, decision: Decision) -> str:
    """The rule's remedy with the pairing's own names in it."""
    remedy = decision.rule.remedy.replace("UNIT", pairing.unit).replace("HOST", pairing.host)
    return remedy.replace("PAIRING", pairing.name)


def log_edge(
    pairing: Pairing,
    observation: Observation,
    decision: Decision,
    edge: Transition,
    *,
    vcenter_detail: str,
    bus_detail: str,
    starts_left: int,
) -> None:
    """One line: a warning where a human has something to do."""
    unit, facts = observation.unit, decision.facts
    _log.log(
        logging.INFO if not decision.rule.remedy else logging.WARNING,
        kv(
            "edge",
            pairing=pairing.name,
            diagnosis=edge.diagnosis,
            phase=edge.phase,
            rule=edge.rule,
            why=edge.why,
            shown_by=f"{decision.diagnosis.number} {decision.diagnosis.shown_by}",
            unit=f"{unit.value.active.value} {unit.value.detail}".strip()
            if isinstance(unit, Reading)
            else f"unknown: {unit.reason}",
            vcenter=facts.vcenter,
            vcenter_detail=vcenter_detail or None,
            nova=facts.nova,
            heartbeat=facts.heartbeat,
            service=facts.service,
            bus=facts.bus,
            bus_detail=bus_detail or None,
            rpc=facts.rpc,
            quality=facts.quality,
            budget_left=starts_left,
            remedy=remedy_of(pairing, decision) or None,
        ),
    )
