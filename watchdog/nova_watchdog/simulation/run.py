"""Runs a scenario to its end and says what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nova_watchdog.simulation import faults
from nova_watchdog.simulation.invariants import Tally, Violation
from nova_watchdog.simulation.scenario import Scenario, to_json
from nova_watchdog.simulation.site import Intervals
from nova_watchdog.simulation.trace import Trace
from nova_watchdog.simulation.world import Gap, SimulatedWorld

# How often `progress` is told, in simulated time.
_TELL_EVERY_S = 60.0
# How often it is looked whether everything is well again.
_LOOK_EVERY_S = 5.0
# With everything well for so long after the last fault, a run may end early.
_WELL_FOR_S = 30.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to.

    well_after_s: from the last fault's end until every pairing was served for good, None: never.
    waiting: why a pairing was not, by name, with the rule that each controller follows. needs_human: it was
        not because a budget is spent, which only a human may end.
    gaps: when each pairing had no process. ended_at_s: when the run was over.
    """

    scenario: Scenario
    violations: tuple[Violation, ...]
    tally: Tally
    availability: float
    well_after_s: float | None
    waiting: Mapping[str, str] = field(default_factory=dict)
    needs_human: bool = False
    trace: Trace = field(default_factory=Trace)
    gaps: Mapping[str, tuple[Gap, ...]] = field(default_factory=dict)
    ended_at_s: float = 0.0

    @property
    def ok(self) -> bool:
        """Nothing forbidden happened, and in the end everything was well, or waits for a human."""
        return not self.violations and (self.well_after_s is not None or self.needs_human)

    def summary(self) -> dict[str, Any]:
        """As JSON has it."""
        tally = self.tally
        return {
            "scenario": to_json(self.scenario),
            "ok": self.ok,
            "violations": [str(one) for one in self.violations],
            "overlaps": tally.overlaps,
            "bounded_overlaps": tally.bounded_overlaps,
            "bounded_overlap_longest_s": round(tally.bounded_overlap_longest_s, 3),
            "unheld_process_seconds": round(tally.unheld_process_s, 3),
            "beside_a_rogue_seconds": round(tally.beside_a_rogue_s, 3),
            "actions": dict(sorted(tally.actions.items())),
            "availability": round(self.availability, 6),
            "without_a_process_seconds": {
                name: round(sum(one.lasts_s(self.ended_at_s) for one in gaps), 3)
                for name, gaps in self.gaps.items()
            },
            "simulated_seconds": round(self.ended_at_s, 3),
            "well_after_s": None if self.well_after_s is None else round(self.well_after_s, 3),
            "waiting": dict(self.waiting),
            "needs_human": self.needs_human,
        }


def simulate(
    scenario: Scenario,
    intervals: Intervals | None = None,
    *,
    to_the_end: bool = False,
    progress: Callable[[float], None] = lambda _now_s: None,
) -> Outcome:
    """Play it. It ends early once everything has been well for a while, unless `to_the_end`.

    progress: told now and then how far it is.
    """
    world = SimulatedWorld(scenario, intervals or Intervals())
    for fault in scenario.faults:
        world.timeline.call_at(fault.at_s, faults.begin, world, fault)
    try:
        _play_faults(world, scenario, progress)
        well_after_s = _settle(world, scenario, progress, to_the_end=to_the_end)
    finally:
        world.close()
    waiting = world.waiting() if well_after_s is None else {}
    return Outcome(
        scenario=scenario,
        violations=tuple(world.judge.violations),
        tally=world.judge.tally,
        availability=world.availability(),
        well_after_s=well_after_s,
        waiting=waiting,
        needs_human=bool(waiting) and all(world.is_spent(name) for name in waiting),
        trace=world.trace,
        gaps={one.name: tuple(world.gaps[one.name]) for one in world.pairings},
        ended_at_s=world.timeline.now_s,
    )


def _play_faults(world: SimulatedWorld, scenario: Scenario, progress: Callable[[float], None]) -> None:
    timeline = world.timeline
    while timeline.now_s < scenario.faults_end_s:
        timeline.run_until(min(scenario.faults_end_s, timeline.now_s + _TELL_EVERY_S))
        progress(timeline.now_s)


def _settle(
    world: SimulatedWorld, scenario: Scenario, progress: Callable[[float], None], *, to_the_end: bool
) -> float | None:
    """When everything was well for good, counted from the last fault's end."""
    timeline, well_since_s = world.timeline, None
    until_s = max(scenario.lasts_s, scenario.faults_end_s + scenario.settle_s)
    while timeline.now_s < until_s:
        timeline.run_until(min(until_s, timeline.now_s + _LOOK_EVERY_S))
        progress(timeline.now_s)
        if not world.is_well():
            well_since_s = None
        elif well_since_s is None:
            well_since_s = timeline.now_s
        if well_since_s is not None and not to_the_end and timeline.now_s - well_since_s >= _WELL_FOR_S:
            break
    if well_since_s is None or well_since_s - scenario.faults_end_s > scenario.settle_s:
        return None
    return max(0.0, well_since_s - scenario.faults_end_s)
