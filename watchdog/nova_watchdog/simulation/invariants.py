"""What must hold at every step of a simulated run. It looks at what is true, not at what anybody believes.

Fed by the world: a process began or ended, the store wrote something, a machine went on, an action was done.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nova_watchdog.core.errors import RecordError
from nova_watchdog.core.hold.records import (
    CONTROLLERS,
    HOLDS,
    ControllerRecord,
    HoldRecord,
    controller_of,
    hold_of,
)
from nova_watchdog.core.hold.timing import CLOCK_RATE
from nova_watchdog.simulation.timeline import Timeline

# What the arithmetic of floats may add.
_ROUNDING_S = 0.001
# By then somebody else's heartbeats have been seen, whatever the polls' luck.
_ROGUE_KNOWABLE_S = 45.0


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that must never be. `at_s` is true time."""

    at_s: float
    name: str
    text: str

    def __str__(self) -> str:
        return f"{self.at_s:.3f} s {self.name}: {self.text}"


@dataclass
class Tally:
    """What a run amounts to. Seconds of pairings, added up.

    beside_a_rogue_s: one of our processes ran beside one that no watchdog runs.
    """

    overlaps: int = 0
    bounded_overlaps: int = 0
    bounded_overlap_longest_s: float = 0.0
    unheld_process_s: float = 0.0
    beside_a_rogue_s: float = 0.0
    actions: Counter[str] = field(default_factory=Counter)
    moves: int = 0


class Judge:
    """Keeps the invariants. `runs` tells whether a machine makes progress now.

    After a machine went on its processes may run without a hold for a moment: for `kill_s`, or if its clock
    stood still for what was left of its deadline (docs/safety.md, "What is not guaranteed").
    lapse_s: for so long a restored store's forgotten holders may run on.
    moves_allowed, move_window_s: the budget of moves.
    """

    def __init__(
        self,
        timeline: Timeline,
        runs: Callable[[str], bool],
        *,
        kill_s: float,
        lapse_s: float,
        moves_allowed: int,
        move_window_s: float,
    ) -> None:
        self._moves_allowed = moves_allowed
        self._move_window_s = move_window_s
        self.violations: list[Violation] = []
        self.tally = Tally()
        self._timeline = timeline
        self._runs = runs
        self._kill_s = kill_s
        self._lapse_s = lapse_s
        self._lenient_until_s = 0.0
        self._rogue_since_s: dict[str, float] = {}
        self._rogues: Counter[str] = Counter()
        self._beside_a_rogue_since_s: dict[str, float] = {}
        self._last_ran_at_s: dict[str, float] = {}
        self._processes: dict[str, set[str]] = defaultdict(set)
        self._tolerated_until_s: dict[str, float] = {}
        self._stood_still: set[str] = set()
        self._longest_deadline_s: dict[str, float] = {}
        self._overlap_since_s: dict[str, float] = {}
        self._unheld_since_s: dict[tuple[str, str], float] = {}
        self._controllers: dict[str, ControllerRecord] = {}
        self._holds: dict[str, HoldRecord] = {}
        self._renewed: Counter[str] = Counter()

    # --- what the world tells

    def process_began(self, pairing: str, machine: str, sees_nova_since_s: float = 0.0) -> None:
        """A nova-compute runs there from now on. sees_nova_since_s: its daemon could read Nova since then."""
        rogue_s = self._rogue_since_s.get(pairing)
        if rogue_s is not None:
            ran_s = self._last_ran_at_s.get(pairing, 0.0)
            alone_s = self._timeline.now_s - max(rogue_s, ran_s, sees_nova_since_s)
            if alone_s >= _ROGUE_KNOWABLE_S and not self._processes[pairing]:
                self._violated("proof-of-life", f"{pairing} was started on {machine} beside somebody else's")
        self._processes[pairing].add(machine)
        self._look(pairing)

    def rogue(self, pairing: str, *, runs: bool) -> None:
        """Somebody runs it, or stopped running it, on a machine that has no watchdog."""
        self._rogues[pairing] += 1 if runs else -1
        if runs:
            self._rogue_since_s[pairing] = self._timeline.now_s
        else:
            self._rogue_since_s.pop(pairing, None)
        self._look(pairing)

    def rogues_report_again(self) -> None:
        """Something came back without which nobody reports: what was hidden is seen from now on."""
        for pairing in self._rogue_since_s:
            self._rogue_since_s[pairing] = self._timeline.now_s

    def process_ended(self, pairing: str, machine: str) -> None:
        """It does not any more."""
        self._processes[pairing].discard(machine)
        self._last_ran_at_s[pairing] = self._timeline.now_s
        self._look(pairing)

    def processes(self, pairing: str) -> frozenset[str]:
        """Where it has one."""
        return frozenset(self._processes[pairing])

    def machine_changed(self, machine: str, *, stands_still: bool) -> None:
        """It stopped or goes on."""
        if stands_still:
            self._stood_still.add(machine)
        if self._runs(machine):
            left_s = self._longest_deadline_s.get(machine, 0.0) if machine in self._stood_still else 0.0
            self._tolerated_until_s[machine] = self._timeline.now_s + left_s + self._kill_s + _ROUNDING_S
            self._stood_still.discard(machine)
        for pairing in sorted(self._processes):
            self._look(pairing)

    def committed(self, _by: str, puts: Mapping[str, Mapping[str, Any]]) -> None:
        """The store wrote these records."""
        for key, value in puts.items():
            try:
                if key.startswith(CONTROLLERS):
                    self._saw_controller(key.removeprefix(CONTROLLERS), controller_of(value))
                elif key.startswith(HOLDS):
                    self._saw_hold(key.removeprefix(HOLDS), hold_of(value))
            except RecordError as error:
                self._violated("record", f"{key}: {error}")
        for pairing in sorted(self._processes):
            self._look(pairing)

    def restored(self, records: Mapping[str, Mapping[str, Any]]) -> None:
        """The store went back: what holds was dead or dies by its deadline, which is checked all the same."""
        self._lenient_until_s = self._timeline.now_s + self._lapse_s
        self._controllers.clear()
        self._holds.clear()
        for key, value in records.items():
            if key.startswith(CONTROLLERS):
                self._controllers[key.removeprefix(CONTROLLERS)] = controller_of(value)
            elif key.startswith(HOLDS):
                self._holds[key.removeprefix(HOLDS)] = hold_of(value)

    def acted(
        self, controller: str, pairing: str, rule: str, action: str, outcome: str, wrong: list[str]
    ) -> None:
        """A daemon did something. `wrong`: why nobody should have, as far as could be known."""
        self.tally.actions[f"{rule} {action} {outcome}"] += 1
        if not rule:
            self._violated("rule", f"{controller} did {action} to {pairing} by no rule")
        for reason in wrong:
            self._violated("forbidden", f"{controller} did {action} to {pairing} by {rule} while {reason}")

    def violated(self, name: str, text: str) -> None:
        """Somebody else saw what must never be."""
        self._violated(name, text)

    # --- the invariants

    def _saw_hold(self, pairing: str, hold: HoldRecord) -> None:
        before = self._holds.get(pairing)
        self._holds[pairing] = hold
        if before is not None and len(hold.moves) > len(before.moves):
            self.tally.moves += 1
            recent = sum(1 for wall_s in hold.moves if hold.moves[-1] - wall_s < self._move_window_s)
            if recent > self._moves_allowed:
                self._violated("budget", f"{pairing} moved {recent} times, {self._moves_allowed} are allowed")

    def _saw_controller(self, name: str, record: ControllerRecord) -> None:
        before, self._controllers[name] = self._controllers.get(name), record
        if before and before.fenced and before.incarnation == record.incarnation and not record.fenced:
            self._violated("fence", f"{name} goes on with a registration that another one had ended")
        self._longest_deadline_s[name] = max(record.deadline_s, self._longest_deadline_s.get(name, 0.0))
        if record.fenced:
            return
        self._renewed[name] += 1
        after_s = record.deadline_s * (1 + 2 * CLOCK_RATE) + record.kill_s + _ROUNDING_S
        self._timeline.call_later(after_s, self._must_be_dead, name, self._renewed[name])

    def _must_be_dead(self, machine: str, renewal: int) -> None:
        """D and the time to kill have passed since the last renewal was even written."""
        if self._renewed[machine] != renewal or not self._runs(machine):
            return
        left_s = self._tolerated_until_s.get(machine, 0.0) - self._timeline.now_s
        if left_s > 0:
            self._timeline.call_later(left_s, self._must_be_dead, machine, renewal)
            return
        for pairing, machines in sorted(self._processes.items()):
            if machine in machines and pairing in self._holds:
                self._violated("deadline", f"{pairing} runs on {machine} after its last deadline")

    def _look(self, pairing: str) -> None:
        running = sorted(one for one in self._processes[pairing] if self._runs(one))
        self._look_for_overlap(pairing, running)
        self._look_for_rogues(pairing, is_running=bool(running))
        for machine in set(running) | {m for p, m in self._unheld_since_s if p == pairing}:
            self._look_for_hold(pairing, machine, is_running=machine in running)

    def _look_for_overlap(self, pairing: str, running: list[str]) -> None:
        now_s, since_s = self._timeline.now_s, self._overlap_since_s.get(pairing)
        if len(running) > 1 and since_s is None:
            self._overlap_since_s[pairing] = now_s
            left_s = max(self._tolerated_until_s.get(one, 0.0) for one in running) - now_s
            if left_s <= 0:
                self.tally.overlaps += 1
                self._violated("overlap", f"{pairing} runs on {' and '.join(running)}")
            else:
                self.tally.bounded_overlaps += 1
                self._timeline.call_later(left_s, self._must_be_over, pairing, now_s)
        elif len(running) <= 1 and since_s is not None:
            del self._overlap_since_s[pairing]
            longest_s = max(self.tally.bounded_overlap_longest_s, now_s - since_s)
            self.tally.bounded_overlap_longest_s = longest_s

    def _look_for_rogues(self, pairing: str, *, is_running: bool) -> None:
        """Count how long it runs beside one: nobody can prevent that (docs/safety.md, A4)."""
        now_s, since_s = self._timeline.now_s, self._beside_a_rogue_since_s.get(pairing)
        is_beside = is_running and self._rogues[pairing] > 0
        if is_beside and since_s is None:
            self._beside_a_rogue_since_s[pairing] = now_s
        elif not is_beside and since_s is not None:
            del self._beside_a_rogue_since_s[pairing]
            self.tally.beside_a_rogue_s += now_s - since_s

    def _must_be_over(self, pairing: str, since_s: float) -> None:
        if self._overlap_since_s.get(pairing) == since_s:
            self.tally.overlaps += 1
            self._violated("overlap", f"{pairing} still runs twice, long after a machine went on")

    def _look_for_hold(self, pairing: str, machine: str, *, is_running: bool) -> None:
        key, now_s = (pairing, machine), self._timeline.now_s
        unheld = is_running and pairing in self._holds and not self._is_held(pairing, machine)
        since_s = self._unheld_since_s.get(key)
        if unheld and since_s is None:
            self._unheld_since_s[key] = now_s
            self._timeline.call_later(self._kill_s + _ROUNDING_S, self._must_be_held, pairing, machine, now_s)
        elif not unheld and since_s is not None:
            del self._unheld_since_s[key]
            self.tally.unheld_process_s += now_s - since_s

    def _must_be_held(self, pairing: str, machine: str, since_s: float) -> None:
        """A unit that runs without a hold was started or kept by mistake, unless its machine just went on."""
        if self._unheld_since_s.get((pairing, machine)) != since_s:
            return
        tolerated_s = max(self._lenient_until_s, self._tolerated_until_s.get(machine, 0.0))
        left_s = tolerated_s - self._timeline.now_s
        if left_s <= 0:
            self._violated("hold", f"{pairing} runs on {machine} without a live hold")
        else:
            self._timeline.call_later(left_s + _ROUNDING_S, self._must_be_held, pairing, machine, since_s)

    def _is_held(self, pairing: str, machine: str) -> bool:
        hold, record = self._holds[pairing], self._controllers.get(machine)
        return (
            hold.holder == machine
            and record is not None
            and record.incarnation == hold.incarnation
            and not record.fenced
        )

    def _violated(self, name: str, text: str) -> None:
        self.violations.append(Violation(self._timeline.now_s, name, text))
