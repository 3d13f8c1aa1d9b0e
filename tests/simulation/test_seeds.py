"""Longer runs of random faults by seed: a failed one names its seed, and plays again."""

from __future__ import annotations

import pytest

from nova_watchdog.simulation.chance import random_scenario
from simulation.plays import CONTROLLERS, PAIRINGS, SOAK, play_well

_SEEDS = 6
_LASTS_S = 1500.0
# Mean seconds between two faults, one density after the other.
_DENSITIES_S = (20.0, 45.0, 90.0)


@pytest.mark.parametrize("seed", range(SOAK or _SEEDS))
def test_twenty_five_minutes_of_random_faults(seed: int) -> None:
    """Nothing runs twice, and when the faults end all is well or waits for a human."""
    every_s = _DENSITIES_S[seed % len(_DENSITIES_S)]
    play_well(random_scenario(seed, CONTROLLERS, PAIRINGS, _LASTS_S, every_s))
