"""No schedule of faults makes a pairing run twice or leaves it down: Hypothesis looks for one that does."""

from __future__ import annotations

import json

from hypothesis import HealthCheck, Phase, given, settings

from nova_watchdog.simulation.scenario import Scenario, to_json
from simulation.plays import SOAK, play, play_well, replayed
from simulation.schedules import schedules

_EXAMPLES = 80
_PLAYED_TWICE = 4
_QUIET = tuple(HealthCheck)


@settings(
    max_examples=SOAK or _EXAMPLES,
    derandomize=not SOAK,
    database=None,
    deadline=None,
    suppress_health_check=_QUIET,
    print_blob=True,
)
@given(schedules())
def test_whatever_comes_close_together_nothing_runs_twice_and_all_is_well_again(scenario: Scenario) -> None:
    """Two to six faults within one renewal or one deadline of one another."""
    play_well(scenario)


@settings(
    max_examples=_PLAYED_TWICE,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=_QUIET,
    phases=[Phase.generate],
)
@given(schedules())
def test_the_words_of_a_schedule_play_the_very_same_run(scenario: Scenario) -> None:
    """What a failed test prints is all that anybody needs."""
    first = play(scenario)
    again = play(replayed(json.dumps(to_json(scenario))))
    assert str(again.trace) == str(first.trace)
    assert again.summary() == first.summary()
