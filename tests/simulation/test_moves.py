"""A holder that cannot do the work gives it to one that can, and no more often than that helps."""

from __future__ import annotations

import pytest

from nova_watchdog.simulation.run import Outcome
from nova_watchdog.simulation.scenario import Scenario, parse_fault, with_faults
from simulation.plays import CONTROLLERS, at_s, count, play_well, said

_AT_S = 100.0
_HOLD_S = 60.0
# A canary comes every 5 s and may take as long; a standby's word comes with its next renewal.
_SEEN_S = 15.0
# As measured with a vCenter that does not answer.
_SLOW_STOP_S = 165.0


def _moved(outcome: Outcome, *, to: str, stop_s: float) -> None:
    began_s = at_s(outcome, "a H10 stop: done", "ctl1")
    assert _AT_S + _HOLD_S <= began_s <= _AT_S + _HOLD_S + _SEEN_S
    dead_s = at_s(outcome, "a nova-compute is dead", "ctl1")
    assert dead_s == pytest.approx(began_s + stop_s, abs=1.0)
    runs_s = at_s(outcome, "a nova-compute runs", to, after_s=dead_s)
    assert dead_s < runs_s < dead_s + 2.0
    assert at_s(outcome, "a R90", to, after_s=runs_s) < runs_s + 30.0
    assert outcome.tally.moves == 1
    assert outcome.tally.overlaps == outcome.tally.bounded_overlaps == 0


def test_a_holder_that_alone_lost_vcenter_gives_it_away() -> None:
    """Its nova-compute stops as slowly as without a vCenter, and is held as long as that takes."""
    outcome = play_well(said("cut-vcenter ctl1 at 100s for 500s"))
    _moved(outcome, to="ctl2", stop_s=_SLOW_STOP_S)
    assert count(outcome, "the path to vCenter is lost here, and not from ctl2") > 0
    assert count(outcome, "b nova-compute is dead") == 0


def test_a_holder_that_alone_lost_the_bus_gives_it_away() -> None:
    """Nova hears nothing of it either."""
    outcome = play_well(said("cut-bus ctl1 at 100s for 500s"))
    _moved(outcome, to="ctl2", stop_s=4.0)
    assert count(outcome, "the path to the message bus is lost here, and not from ctl2") > 0


@pytest.mark.parametrize("fault", ["vcenter-down", "bus-down"])
@pytest.mark.parametrize("lasts_s", [120, 121.3, 122.6, 123.9, 125.2])
def test_what_is_away_for_everybody_moves_nothing(fault: str, lasts_s: float) -> None:
    """Also in the moment in which it comes back, which one controller sees first."""
    outcome = play_well(said(f"{fault} at 100s for {lasts_s}s"))
    assert count(outcome, "nova-compute is dead") == 0


@pytest.mark.parametrize("words", ["cut-vcenter ctl1 at 100s for 59s", "cut-bus ctl1 at 100s for 59s"])
def test_a_path_that_is_back_soon_moves_nothing(words: str) -> None:
    """nova-compute heals by itself."""
    assert count(play_well(said(words)), "nova-compute is dead") == 0


def test_a_path_that_all_lost_one_after_the_other_moves_nothing() -> None:
    """No standby was ready for long enough."""
    cuts = [
        f"cut-vcenter {name} at {at}s for 300s" for name, at in zip(CONTROLLERS, (100, 130, 140), strict=True)
    ]
    assert count(play_well(said(*cuts)), "nova-compute is dead") == 0


def test_a_path_that_comes_back_during_the_stop_is_good_enough() -> None:
    """What was stopped for the move is started again where it is, without one."""
    outcome = play_well(said("cut-vcenter ctl1 at 100s for 100s"))
    dead_s = at_s(outcome, "a nova-compute is dead", "ctl1")
    assert at_s(outcome, "a nova-compute runs", "ctl1", after_s=dead_s) < dead_s + 10.0
    assert outcome.tally.moves == 0


def test_the_pairings_of_one_vcenter_move_one_after_the_other() -> None:
    """The second when the first is healthy where it went."""
    pairings = ("a", "b", "c", "d")
    scenario = Scenario(CONTROLLERS, pairings, lasts_s=60.0)
    outcome = play_well(
        with_faults(scenario, [parse_fault("cut-bus ctl1 at 100s for 900s", CONTROLLERS, pairings)])
    )
    healthy_s = at_s(outcome, "a R90", "ctl2", after_s=_AT_S)
    assert at_s(outcome, "d H09", "ctl1") < healthy_s
    assert healthy_s < at_s(outcome, "d H10 stop: done", "ctl1")
    assert at_s(outcome, "d R90", "ctl2", after_s=_AT_S) < healthy_s + 60.0
    assert outcome.tally.moves == 2


def test_a_path_that_comes_and_goes_spends_the_budget_of_moves() -> None:
    """Then it stays, until a human moves it."""
    cuts = [
        f"cut-bus {name} at {100 + 150 * turn}s for 140s" for turn, name in enumerate(("ctl1", "ctl2") * 4)
    ]
    outcome = play_well(said(*cuts, "cut-bus ctl3 at 99s for 1300s"))
    assert outcome.tally.moves <= 8
    moves = [line for line in outcome.trace.lines if "a H11 release: done" in line.text]
    assert 2 <= len(moves) <= 4


def test_a_takeover_that_does_not_come_up_is_given_to_the_next_one() -> None:
    """ctl1 is lost, and ctl2 cannot run it: ctl3 does. Two moves, and ctl2 is not asked again."""
    outcome = play_well(said("bad-starts ctl2 at 99s for 900s", "kill ctl1 at 100s for 900s"))
    given_s = at_s(outcome, "a H11 release: done", "ctl2")
    assert at_s(outcome, "a H52 take-over: done", "ctl2") < given_s < at_s(outcome, "a R90", "ctl3")
    assert outcome.tally.moves == 2
    assert count(outcome, "a H50 claim: done", "ctl2") == 0


def test_where_none_can_run_it_only_a_human_is_left() -> None:
    """Each tries it once with its own budget of starts; nobody tries for ever."""
    outcome = play_well(
        said(*[f"bad-starts {one} at 99s for 900s" for one in CONTROLLERS], "crash a at 100s")
    )
    assert outcome.needs_human
    assert outcome.tally.moves == 2
    assert outcome.summary()["actions"]["R39 start done"] == 9
    assert at_s(outcome, "a H12", "ctl3")


@pytest.mark.parametrize(
    "words",
    [
        (
            "slow-stops a at 90s for 60s",
            "switchover a at 100s",
            "cut-vcenter ctl2 at 101s for 300s",
            "cut-vcenter ctl3 at 101s for 300s",
            "stop-daemon ctl1 at 102s for 11s",
        ),
        ("cut-vcenter ctl1 at 100s for 120s", "kill-daemon ctl1 at 200s"),
        ("cut-bus ctl1 at 100s for 130s", "kill-daemon ctl1 at 172s"),
    ],
    ids=["no-standby-any-more", "vcenter-is-back", "bus-is-back"],
)
def test_a_move_that_comes_to_nothing_while_its_daemon_is_away_leaves_it_running(
    words: tuple[str, ...],
) -> None:
    """The next daemon found a unit that somebody had stopped, and took that for a human's wish."""
    outcome = play_well(said(*words))
    assert count(outcome, "stopped-on-purpose") == 0
    dead_s = at_s(outcome, "a nova-compute is dead", "ctl1")
    assert at_s(outcome, "a nova-compute runs", "ctl1", after_s=dead_s) < dead_s + 60.0


def test_a_human_who_stops_it_before_the_path_counts_as_lost_is_respected() -> None:
    """Without vCenter his stop takes minutes, and the hold-down ends in the middle of it."""
    outcome = play_well(said("cut-vcenter ctl1 at 100s for 600s", "human-stop a at 140s for 400s"))
    assert at_s(outcome, "a H10") > at_s(outcome, "over: human-stop")
    assert count(outcome, "a R11 stopped-on-purpose") > 0


def test_a_human_who_stops_it_after_such_a_move_is_respected() -> None:
    """What was the keeper's own stop was that one, not the next."""
    outcome = play_well(
        said("cut-vcenter ctl1 at 100s for 120s", "kill-daemon ctl1 at 200s", "human-stop a at 400s for 60s")
    )
    assert count(outcome, "a R11 stopped-on-purpose", after_s=400.0) > 0
    assert count(outcome, "a nova-compute runs", after_s=400.0) == 1
