"""Playing scenarios in tests: what one says of itself when it fails, so that it can be played again."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from nova_watchdog.simulation.run import Outcome, simulate
from nova_watchdog.simulation.scenario import Scenario, parse_fault, to_json, with_faults

CONTROLLERS = ("ctl1", "ctl2", "ctl3")
PAIRINGS = ("a", "b")
# `make soak` plays so many of everything that is found by chance.
SOAK = int(os.environ.get("NOVA_WATCHDOG_SOAK", "0"))
_LINES_SHOWN = 60


def said(*words: str, rates: Sequence[float] = (), seed: int = 0) -> Scenario:
    """Three controllers and two pairings, `a` on ctl1 and `b` on ctl2, with these faults in words."""
    scenario = Scenario(CONTROLLERS, PAIRINGS, lasts_s=60.0, seed=seed, rates=tuple(rates))
    return with_faults(scenario, [parse_fault(one, CONTROLLERS, PAIRINGS) for one in words])


def replayed(words: str) -> Scenario:
    """The scenario that a failed test printed as JSON."""
    value = json.loads(words)
    controllers, pairings = tuple(value["controllers"]), tuple(value["pairings"])
    scenario = Scenario(
        controllers, pairings, value["lasts_s"], seed=value["seed"], rates=tuple(value["rates"])
    )
    return with_faults(scenario, [parse_fault(one, controllers, pairings) for one in value["faults"]])


def play(scenario: Scenario, *, to_the_end: bool = False) -> Outcome:
    """Play it; what goes wrong inside says which scenario it was."""
    try:
        return simulate(scenario, to_the_end=to_the_end)
    except BaseException as error:
        error.add_note(_how_to_replay(scenario))
        raise


def play_well(scenario: Scenario, *, to_the_end: bool = False) -> Outcome:
    """Play it, and fail where anything forbidden happened or all was not well in the end."""
    outcome = play(scenario, to_the_end=to_the_end)
    assert outcome.ok, story(outcome)
    return outcome


def story(outcome: Outcome) -> str:
    """What was wrong, how to play it again, and how it ended."""
    lines = outcome.trace.lines
    last_s = outcome.violations[0].at_s if outcome.violations else lines[-1].at_s
    shown = [str(line) for line in lines if line.at_s <= last_s][-_LINES_SHOWN:]
    wrong = [str(one) for one in outcome.violations]
    wrong += [f"{name} waits: {why}" for name, why in outcome.waiting.items()]
    return "\n".join(["", *wrong, "", _how_to_replay(outcome.scenario), "", *shown])


def _how_to_replay(scenario: Scenario) -> str:
    faults = [f"  --fault {json.dumps(str(fault))}" for fault in scenario.faults]
    return "\n".join([f"replayed('{json.dumps(to_json(scenario))}')", *faults])


def at_s(outcome: Outcome, text: str, who: str = "", *, after_s: float = 0.0) -> float:
    """When the first line with that text was written; fails without one."""
    found = [
        line.at_s
        for line in outcome.trace.lines
        if text in line.text and line.at_s >= after_s and who in ("", line.who)
    ]
    assert found, f'nothing says "{text}" of {who or "anybody"} after {after_s} s\n{outcome.trace}'
    return found[0]


def count(outcome: Outcome, text: str, who: str = "", *, after_s: float = 0.0) -> int:
    """How many lines have that text."""
    return sum(
        1
        for line in outcome.trace.lines
        if text in line.text and line.at_s >= after_s and who in ("", line.who)
    )


def gap_s(outcome: Outcome, pairing: str, after_s: float = 0.0) -> float:
    """From its first death after that time until it runs again, anywhere."""
    dead_s = at_s(outcome, f"{pairing} nova-compute is dead", after_s=after_s)
    return at_s(outcome, f"{pairing} nova-compute runs", after_s=dead_s) - dead_s
