"""What a daemon may do to a pairing that it holds: the invariants of its actions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nova_watchdog.core.hold.records import CONTROLLERS
from nova_watchdog.core.model import Pairing
from nova_watchdog.core.policy import Policy
from nova_watchdog.simulation.parts.records import holds_in
from nova_watchdog.simulation.timeline import Timeline

# A process reports 10 s after its start at the earliest: before that nobody can call its pairing settled.
_SETTLED_AFTER_S = 9.0
# By true time, and with a systemd that answers late, two actions may be told closer than they were begun.
_TOLD_LATE_S = 1.0
# A human's stop is known to all once its holder goes on after so long.
_STOP_KNOWN_S = 8.0
_ON_UNIT = ("start", "kill")


@dataclass(frozen=True, slots=True)
class Deed:
    """An action as its daemon did it.

    boot: changes with each boot of the controller. is_covered: a deadline is armed there, and a token lies.
    """

    controller: str
    boot: str
    pairing: str
    rule: str
    action: str
    outcome: str
    is_covered: bool = True

    def __str__(self) -> str:
        return f"{self.controller} did {self.action} to {self.pairing} by {self.rule or 'no rule'}"


class Conduct:
    """Keeps them, for these pairings under this policy.

    counts_starts: whether the budget of starts is judged: not where dependencies break, which makes
        starts free.
    """

    def __init__(
        self, timeline: Timeline, pairings: Sequence[Pairing], policy: Policy, *, counts_starts: bool
    ) -> None:
        self._timeline = timeline
        self._pairings = {one.name: one for one in pairings}
        self._policy = policy
        self._counts_starts = counts_starts
        self._spacing_s = min(_SETTLED_AFTER_S, policy.action_spacing_s - _TOLD_LATE_S)
        self._starts_s: dict[tuple[str, str, str], list[float]] = defaultdict(list)
        # When each was acted upon there last, and whether it had just come from elsewhere.
        self._acted: dict[tuple[str, str], dict[str, tuple[float, bool]]] = defaultdict(dict)
        self._holds: dict[str, Mapping[str, Any]] = {}
        # By pairing: who took it from somebody else, and did nothing to it since.
        self._arriving: dict[str, str] = {}
        self._incarnations: dict[str, str] = {}
        # By pairing: the machine on which a human stops it; there, in that registration, and since when it is
        # dead; and whether that is known.
        self._stopping_on: dict[str, str] = {}
        self._stopped: dict[str, tuple[str, str, float]] = {}
        self._known: set[str] = set()

    def judge(self, deed: Deed) -> list[tuple[str, str]]:
        """What is wrong with it, as name and text."""
        found: list[tuple[str, str]] = []
        if not deed.rule.startswith("R") or deed.action not in _ON_UNIT or deed.outcome != "done":
            return found  # rules of holding (Hnn) kill what is not held
        if not deed.is_covered:
            found.append(("cover", f"{deed} without an armed deadline and a token"))
        if deed.action == "start" and self._is_stopped(deed):
            found.append(("human-stop", f"{deed}, which a human had stopped"))
        return found + self._too_soon(deed) + self._too_often(deed)

    def _is_stopped(self, deed: Deed) -> bool:
        """Whether everybody knows of a human's stop, or the very registration under which it happened."""
        if deed.pairing in self._known:
            return True
        machine, incarnation, _ = self._stopped.get(deed.pairing, ("", "", 0.0))
        return machine == deed.controller and incarnation == self._incarnations.get(machine)

    def _too_soon(self, deed: Deed) -> list[tuple[str, str]]:
        """The breaker: of those that share a vCenter or a message bus it is one pairing at a time.

        But for those that arrive together: whoever lost them is their cause, and is dead.
        """
        now_s, acted = self._timeline.now_s, self._acted[deed.controller, deed.boot]
        arrives = self._arriving.pop(deed.pairing, "") == deed.controller
        near = [
            one
            for one, (at_s, arrived) in acted.items()
            if now_s - at_s < self._spacing_s and not (arrives and arrived)
        ]
        acted[deed.pairing] = now_s, arrives
        others = [one for one in near if one != deed.pairing and self._share(one, deed.pairing)]
        return [("breaker", f"{deed} right after {' and '.join(others)}")] if others else []

    def _share(self, name: str, other_name: str) -> bool:
        one, other = self._pairings[name], self._pairings[other_name]
        return one.vcenter == other.vcenter or bool(one.bus and one.bus == other.bus)

    def _too_often(self, deed: Deed) -> list[tuple[str, str]]:
        if deed.rule != "R39" or not self._counts_starts:
            return []
        now_s = self._timeline.now_s
        starts_s = self._starts_s[deed.controller, deed.boot, deed.pairing]
        starts_s.append(now_s)
        recent = sum(1 for at_s in starts_s if now_s - at_s < self._policy.restart_window_s)
        allowed = self._policy.restart_budget
        return [("budget", f"{deed} {recent} times, {allowed} are allowed")] * (recent > allowed)

    # --- a human's stop

    def human_stops(self, pairing: str, machine: str) -> None:
        """A human stops it there; it may take its time."""
        self._stopping_on[pairing] = machine

    def human_decides(self, pairing: str) -> None:
        """A human starts it or moves it: no stop stands any more."""
        self._stopping_on.pop(pairing, None)
        self._stopped.pop(pairing, None)
        self._known.discard(pairing)

    def stop_stands(self, pairing: str) -> bool:
        """Whether a human stopped it, or is about to, and has not decided otherwise since."""
        return pairing in self._stopping_on or pairing in self._stopped or pairing in self._known

    def process_began(self, pairing: str) -> None:
        """Somebody did."""
        self.human_decides(pairing)

    def process_ended(self, pairing: str, machine: str, *, has_power: bool) -> None:
        """It is dead: now the stop stands, unless the machine died with it."""
        if self._stopping_on.pop(pairing, "") == machine and has_power:
            self._stopped[pairing] = machine, self._incarnations.get(machine, ""), self._timeline.now_s

    def committed(self, puts: Mapping[str, Mapping[str, Any]]) -> None:
        """A stop is known once its machine's daemon went on with the same registration well after it."""
        now_s = self._timeline.now_s
        for key, record in puts.items():
            if key.startswith(CONTROLLERS):
                self._incarnations[key.removeprefix(CONTROLLERS)] = record["incarnation"]
        for pairing, record in holds_in(puts).items():
            self._held(pairing, record)
        for pairing, (machine, incarnation, since_s) in list(self._stopped.items()):
            record = puts.get(CONTROLLERS + machine, {})
            if record and (record["fenced"] or record["incarnation"] != incarnation):
                if pairing not in self._known:  # nobody had the time to write it down
                    del self._stopped[pairing]
            elif record and now_s - since_s >= _STOP_KNOWN_S:
                self._known.add(pairing)

    def _held(self, pairing: str, record: Mapping[str, Any]) -> None:
        before, self._holds[pairing] = self._holds.get(pairing), record
        if before is not None and record["epoch"] != before["epoch"]:
            self._arriving[pairing] = "" if before["holder"] == record["holder"] else record["holder"]

    def restored(self, records: Mapping[str, Mapping[str, Any]]) -> None:
        """The store went back: it may have forgotten what humans did."""
        self._stopped.clear()
        self._known.clear()
        self._holds = holds_in(records)
