"""Plays schedules until one of them shows that something is wrong."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import pytest

from nova_watchdog.core.hold.decide import HoldPolicy
from nova_watchdog.simulation import faults
from nova_watchdog.simulation.chance import value_of
from nova_watchdog.simulation.scenario import (
    AT_ONCE,
    OF_ALL,
    OF_PAIRING,
    Fault,
    Kind,
    Scenario,
    parse_fault,
    with_faults,
)
from nova_watchdog.simulation.site import Intervals
from nova_watchdog.simulation.world import SimulatedWorld

LIVENESS = "liveness"
_RATES = (0.999, 1.0, 1.001)
_STEP_S = 5.0
_WELL_FOR_S = 15.0
_FIRST_AT_S = 62.0


def scenario_of(
    words: Sequence[str],
    controllers: int,
    pairings: int,
    seed: int = 0,
    moves: int = 4,
    settle_s: float = 200.0,
) -> Scenario:
    """A short run with these faults."""
    names = tuple(f"ctl{number}" for number in range(1, controllers + 1))
    units = tuple("abcd"[:pairings])
    scenario = Scenario(
        names, units, 0.0, seed=seed, hold_policy=HoldPolicy(move_budget=moves), settle_s=settle_s
    )
    return with_faults(scenario, [parse_fault(text, names, units) for text in words])


def searched(kinds: Sequence[Kind], base: Scenario) -> Iterator[Scenario]:
    """Endlessly many, seeded: a few faults of these kinds, close to each other."""
    for seed in itertools.count(1):
        chance = random.Random(seed)  # noqa: S311 - to be played again, not to be secret
        rates = tuple(chance.choice(_RATES) for _ in base.controllers)
        found, at_s = [], _FIRST_AT_S + 10.0 * chance.random()
        for _ in range(chance.randint(2, 5)):
            found.append(_fault(chance, kinds, base, at_s))
            at_s += chance.choice((0.05, 1.0, 4.0, 15.0, 30.0)) * (0.5 + chance.random())
        yield with_faults(replace(base, seed=seed, rates=rates), found)


def _fault(chance: random.Random, kinds: Sequence[Kind], base: Scenario, at_s: float) -> Fault:
    kind = chance.choice(kinds)
    target = ""
    if kind in OF_PAIRING:
        target = chance.choice(base.pairings)
    elif kind not in OF_ALL:
        # Mostly the one that holds the first pairing.
        target = chance.choice((base.controllers[0], *base.controllers))
    lasts_s = chance.choice((1.0, 8.0, 14.0, 25.0, 60.0)) * (0.6 + 0.6 * chance.random())
    value = (
        13.0 + round(27 * chance.random(), 1) if kind is Kind.UPGRADE else value_of(kind, chance.random() / 3)
    )
    return Fault(kind, round(at_s, 3), target, 0.0 if kind in AT_ONCE else round(lasts_s, 3), value)


def jittered(base: Scenario, jitter_s: float) -> Iterator[Scenario]:
    """Endlessly many, seeded: the same faults, with other latencies and the last one a little later."""
    for seed in itertools.count(1):
        chance = random.Random(seed)  # noqa: S311 - to be played again, not to be secret
        *others, last = base.faults
        moved = replace(last, at_s=round(last.at_s + jitter_s * chance.random(), 3))
        yield with_faults(replace(base, seed=seed), [*others, moved])


@dataclass(frozen=True)
class Catch:
    """The schedule that showed that a rule is missed, which one in turn it was, and what it broke."""

    scenario: Scenario
    number: int
    invariant: str


def caught(rule: Callable[[pytest.MonkeyPatch], None], schedules: Iterable[Scenario]) -> Catch | None:
    """The first of the schedules that is not passed without the rule."""
    with pytest.MonkeyPatch.context() as patch:
        rule(patch)
        for number, scenario in enumerate(schedules, start=1):
            if invariant := first_wrong(scenario):
                return Catch(scenario, number, invariant)
    return None


def first_wrong(scenario: Scenario) -> str:
    """The name of the first invariant that it breaks, empty: none. It ends there, or when all is well."""
    world = SimulatedWorld(scenario, Intervals())
    for fault in scenario.faults:
        world.timeline.call_at(fault.at_s, faults.begin, world, fault)
    try:
        return _play(world, scenario)
    finally:
        world.close()


def _play(world: SimulatedWorld, scenario: Scenario) -> str:
    timeline, well_since_s = world.timeline, None
    until_s = scenario.faults_end_s + scenario.settle_s
    while timeline.now_s < until_s:
        timeline.run_until(min(until_s, timeline.now_s + _STEP_S))
        if world.judge.violations:
            return world.judge.violations[0].name
        if timeline.now_s <= scenario.faults_end_s:
            continue
        if not world.is_well():
            well_since_s = None
        elif well_since_s is None:
            well_since_s = timeline.now_s
        elif timeline.now_s - well_since_s >= _WELL_FOR_S:
            return ""
    spent = all(world.is_spent(name) for name in world.waiting())
    return "" if well_since_s is not None or spent else LIVENESS
