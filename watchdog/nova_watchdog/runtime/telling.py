"""The events of one pairing: what the daemon did there, told until the pairing works again."""

from __future__ import annotations

from dataclasses import replace

from nova_watchdog.core.decide import Decision
from nova_watchdog.core.diagnose import Condition, Diagnosis, condition_of
from nova_watchdog.core.events import Event, Severity
from nova_watchdog.core.model import Pairing
from nova_watchdog.runtime.act import Outcome, Result
from nova_watchdog.runtime.edges import facts_line, remedy_of

ACTED = "WatchdogActed"
ACTION_FAILED = "WatchdogActionFailed"
EVENT_NAMES = (ACTED, ACTION_FAILED)


class PairingEvents:
    """At most one open event of each name: what is done again for the same trouble is the same event."""

    def __init__(self, pairing: Pairing, controller: str) -> None:
        self._pairing = pairing
        self._controller = controller
        self._open: dict[str, Event] = {}

    def acted(
        self, decision: Decision, action: str, target: str, result: Result, wall_s: float
    ) -> tuple[Event, ...]:
        """An action was carried out, or refused."""
        done = result.outcome is Outcome.DONE
        name = ACTED if done else ACTION_FAILED
        before = self._open.get(name)
        began_wall_s = wall_s if before is None else before.began_wall_s
        outcome = result.outcome.value.replace("-", " ")
        event = Event(
            name=name,
            pairing=self._pairing.name,
            controller=self._controller,
            key=f"{self._controller}/{self._pairing.name}/{name}/{began_wall_s:.3f}",
            severity=Severity.INFO if done else Severity.WARNING,
            summary=f"{self._pairing.name}: {action} {target}: {outcome}",
            detail=f"{decision.rule.number}: {decision.rule.why}. Shown by {decision.diagnosis.number} "
            f"({facts_line(decision.facts)})." + (f" {result.reason}." if result.reason else ""),
            remedy=remedy_of(self._pairing, decision),
            began_wall_s=began_wall_s,
        )
        self._open[name] = event
        return (event,)

    def judged(self, decision: Decision, wall_s: float) -> tuple[Event, ...]:
        """The events that are over: the pairing works again."""
        diagnosis = decision.diagnosis.diagnosis
        works = condition_of(diagnosis) in (Condition.HEALTHY, Condition.DEGRADED)
        if not self._open or not works or diagnosis in (Diagnosis.STARTING, Diagnosis.CHANGING):
            return ()
        over = tuple(replace(event, ended_wall_s=wall_s) for event in self._open.values())
        self._open.clear()
        return over
