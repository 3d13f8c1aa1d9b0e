"""Faults at random: the same seed, the same faults."""

from __future__ import annotations

import random
from collections.abc import Sequence

from nova_watchdog.simulation.scenario import AT_ONCE, OF_ALL, OF_PAIRING, Fault, Kind, Scenario, with_faults

# How much more often than the others.
_WEIGHTS = {Kind.CRASH: 4, Kind.KILL_DAEMON: 3, Kind.KILL: 3, Kind.CUT_STORE: 3, Kind.FREEZE: 2}
# Every clock's rate lies within this of true time (docs/safety.md, A1).
_RATES = (0.999, 0.9995, 1.0, 1.0005, 1.001)
_SHORTEST_S, _LONGEST_S = 0.5, 180.0
# What a human or the world does to more than one night in a row.
_RARE = {Kind.STORE_RESTORED: 0.2, Kind.ROGUE: 0.3, Kind.WIPE_RUN: 0.5, Kind.HUMAN_STOP: 0.5}


def random_scenario(
    seed: int, controllers: Sequence[str], pairings: Sequence[str], lasts_s: float, fault_every_s: float
) -> Scenario:
    """A cloud whose clocks drift, and faults about every so many seconds until `settle_s` before the end."""
    chance = random.Random(seed)  # noqa: S311 - to be played again, not to be secret
    rates = tuple(chance.choice(_RATES) for _ in controllers)
    scenario = Scenario(tuple(controllers), tuple(pairings), lasts_s, seed=seed, rates=rates)
    faults = []
    at_s = 60.0 + chance.expovariate(1 / fault_every_s)
    while at_s < lasts_s - scenario.settle_s - _LONGEST_S:
        faults.append(random_fault(chance, scenario, at_s))
        at_s += chance.expovariate(1 / fault_every_s)
    return with_faults(scenario, faults)


def random_fault(chance: random.Random, scenario: Scenario, at_s: float) -> Fault:
    """One fault at that time."""
    kinds = list(Kind)
    kind = chance.choices(kinds, [_WEIGHTS.get(one, 1) * _RARE.get(one, 1.0) for one in kinds])[0]
    target = ""
    if kind in OF_PAIRING:
        target = chance.choice(scenario.pairings)
    elif kind not in OF_ALL:
        target = chance.choice(scenario.controllers)
    lasts_s = round(min(_LONGEST_S, _SHORTEST_S + chance.expovariate(1 / 25.0)), 3)
    value = value_of(kind, chance.random())
    return Fault(kind, round(at_s, 3), target, 0.0 if kind in AT_ONCE else lasts_s, value)


def value_of(kind: Kind, share: float) -> float:
    """The kind's `value`, from a number between 0 and 1."""
    if kind is Kind.UPGRADE:
        return 13.0 + round(17 * share, 1)
    if kind is Kind.STORE_RESTORED:
        return 20.0 + round(300 * share, 1)
    return 0.0
