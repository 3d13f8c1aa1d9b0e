"""Pairings that lose their controller together, and arrive together where they go."""

from __future__ import annotations

import pytest

from nova_watchdog.core.policy import Policy
from nova_watchdog.simulation.run import Outcome
from nova_watchdog.simulation.scenario import Scenario, parse_fault, with_faults
from simulation.plays import at_s, play_well

_CONTROLLERS = ("ctl1", "ctl2")
# `a` and `c` on ctl1, all at one vCenter.
_PAIRINGS = ("a", "b", "c")
_AT_S = 100.0
_SOON_S = 3.0


def _played(*words: str) -> Outcome:
    scenario = Scenario(_CONTROLLERS, _PAIRINGS, lasts_s=60.0, seed=0)
    return play_well(
        with_faults(scenario, [parse_fault(one, _CONTROLLERS, _PAIRINGS) for one in words]), to_the_end=True
    )


@pytest.mark.parametrize("fault", ["kill ctl1 at 100s for 120s", "cut ctl1 at 100s for 120s"])
def test_they_start_at_once(fault: str) -> None:
    """Whoever lost them is what they share, and is dead: nobody waits for the other."""
    outcome = _played(fault)
    runs_s = [at_s(outcome, f"{name} nova-compute runs", "ctl2", after_s=_AT_S) for name in "ac"]
    assert abs(runs_s[0] - runs_s[1]) < _SOON_S


def test_what_crashes_then_waits_as_ever() -> None:
    """One after the other: that they came together is over with their first start."""
    outcome = _played("kill ctl1 at 100s for 300s", "crash a at 140s", "crash c at 140.1s")
    runs_s = [at_s(outcome, f"{name} nova-compute runs", "ctl2", after_s=140.0) for name in "ac"]
    assert abs(runs_s[0] - runs_s[1]) > Policy().action_spacing_s - _SOON_S
