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
_SEVERITIES = {ACTED: Severity.INFO, ACTION_FAILED: Severity.WARNING}
EVENT_NAMES = tuple(_SEVERITIES)


class PairingEvents:
    """At most one open event of each name: what is done again for the same trouble is the same event.

    A daemon that was restarted does not know what its predecessor told: at its first good verdict it
    tells the end of both, which a receiver that knows of no beginning takes for nothing.
    """

    def __init__(self, pairing: Pairing, controller: str) -> None:
        self._pairing = pairing
        self._controller = controller
        self._open: dict[str, Event] = {}
        self._is_first = True

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
            key=self._key(name),
            severity=_SEVERITIES[name],
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
        if not works or diagnosis in (Diagnosis.STARTING, Diagnosis.CHANGING):
            return ()
        if self._is_first:
            self._is_first = False
            for name in EVENT_NAMES:
                self._open.setdefault(name, self._of_predecessor(name, wall_s))
        over = tuple(replace(event, ended_wall_s=wall_s) for event in self._open.values())
        self._open.clear()
        return over

    def _key(self, name: str) -> str:
        """The same for every occurrence: after its end a receiver takes the next one as a new one."""
        return f"{self._controller}/{self._pairing.name}/{name}"

    def _of_predecessor(self, name: str, wall_s: float) -> Event:
        return Event(
            name=name,
            pairing=self._pairing.name,
            controller=self._controller,
            key=self._key(name),
            severity=_SEVERITIES[name],
            summary=f"{self._pairing.name}: works",
            detail="It works at the first verdict since the daemon began.",
            remedy="",
            began_wall_s=wall_s,
        )
