"""Who takes what is free: the budget of moves, and the order of the standbys."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from core.hold_bench import HELD_BY_A, PAIRING, READY, TIMING, W_S, WALL_S, A, B, Bench, C, controller, over
from nova_watchdog.core.budget import Pace
from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.hold.moves import Give, HoldPolicy, moves_left
from nova_watchdog.core.hold.records import MOVES_KEPT, HoldRecord, controller_key, hold_of, to_json
from nova_watchdog.core.hold.standbys import ready_standbys, successor_of
from nova_watchdog.core.hold.timing import takeover_wait_s

LATER_S = over(1000.0)
RANK_S = 2 * TIMING.renew_s
FREE = replace(HELD_BY_A, incarnation="a0")
POLICY = HoldPolicy()


def renewing(bench: Bench, at_s: float, **ready: bool) -> None:
    """Every controller that is named renews just now, and says whether it could serve."""
    for letter, could in ready.items():
        incarnation = {"a": "a1", "b": "b1"}.get(letter, f"{letter}1")
        bench.write(f"ctl-{letter}", controller(incarnation, ready=could, seq=int(at_s)))
    if "b" in ready and bench.registration is not None:
        bench.registration = replace(bench.registration, revision=bench.of(controller_key(B)))
    bench.look(at_s)


# --- the standbys


def test_a_standby_is_another_that_renews_is_not_fenced_and_could_serve():
    """By name, so that all agree on the first."""
    bench = Bench()
    bench.write("ctl-0", controller("i"))
    bench.write("ctl-d", controller("i", ready=False))
    bench.write("ctl-e", controller("i", fenced=True))
    bench.write("ctl-f", controller("i", vantages={"another": READY}))
    bench.put(controller_key("ctl-g"), {"format": 2})
    bench.write(C, controller("i"))
    bench.look(1001.0)
    assert ready_standbys(PAIRING, B, bench.sight, TIMING, 1001.0) == ["ctl-0", A, C]
    assert ready_standbys(PAIRING, A, bench.sight, TIMING, 1001.0) == ["ctl-0", B, C]


def test_a_standby_that_stopped_renewing_is_none():
    """From W on, and with it goes what it said of itself."""
    bench = Bench()
    assert ready_standbys(PAIRING, B, bench.sight, TIMING, LATER_S) == []
    assert ready_standbys(PAIRING, B, bench.sight, TIMING, 1000.0 + W_S - 0.01) == [A]


def test_a_standby_of_other_times_renews_by_those():
    """One with a short D is gone sooner; one with a long D may renew seldom."""
    bench = Bench()
    bench.write(A, controller("a1", deadline_s=5.0))
    bench.write(C, controller("c1", deadline_s=60.0))
    bench.look(1000.0)
    assert ready_standbys(PAIRING, B, bench.sight, TIMING, 1005.0) == [A, C]
    assert ready_standbys(PAIRING, B, bench.sight, TIMING, 1010.0) == [C]
    assert ready_standbys(PAIRING, B, bench.sight, TIMING, 1070.0) == []


def test_the_successor_is_the_one_that_is_asked_for_or_the_first_that_is_ready():
    """And nobody where that one is not ready."""
    bench = Bench(HoldRecord(B, "b1", 7))
    bench.write(C, controller("c1"))
    bench.write("ctl-d", controller("d1", ready=False))
    bench.look(1001.0)
    for give, expected in (
        (None, A),
        (Give("x"), A),
        (Give("x", to=C), C),
        (Give("x", to="ctl-d"), ""),
        (Give("x", to=B), ""),
    ):
        assert successor_of(PAIRING, B, give, bench.sight, TIMING, 1001.0) == expected
    alone = Bench(HoldRecord(B, "b1", 7))
    del alone.found[controller_key(A)]
    alone.look(1001.0)
    assert successor_of(PAIRING, B, None, alone.sight, TIMING, 1001.0) == ""


# --- the budget of moves


def test_moves_leave_the_window_and_one_of_a_clock_that_was_far_ahead_does_not_count():
    """A small step back must not bring the budget back, and a wrong date must not end it."""
    hold = replace(HELD_BY_A, moves=(WALL_S - 3600.0, WALL_S - 3599.0, WALL_S, WALL_S + 60.0, WALL_S + 9e6))
    assert moves_left(hold, POLICY, WALL_S) == 1
    assert moves_left(replace(hold, moves=()), POLICY, WALL_S) == 4
    assert moves_left(replace(hold, moves=(WALL_S,) * 9), POLICY, WALL_S) == 0
    assert moves_left(hold, HoldPolicy(move_budget=0), WALL_S) == 0


@pytest.mark.parametrize("hold", [HELD_BY_A, FREE])
def test_a_pairing_that_moved_too_often_is_left_to_a_human(hold):
    """Whatever moves with it would move on."""
    often = replace(hold, moves=tuple(WALL_S - i for i in range(4)))
    decision = Bench(often).decide(LATER_S)
    assert (decision.rule.number, decision.record) == ("H44", None)
    later = Bench(often).decide(LATER_S, wall_s=WALL_S + 3600)
    assert later.record is not None


def test_what_was_released_for_this_one_is_taken_with_a_spent_budget_too():
    """Its holder counted the move, or a human asked for it."""
    often = tuple(WALL_S - i for i in range(9))
    assert Bench(HoldRecord("", "", 7, successor=B, moves=often)).decide(LATER_S).rule.number == "H50"


def test_what_was_its_own_is_taken_back_with_a_spent_budget_too():
    """It changes no hands."""
    often = tuple(WALL_S - i for i in range(9))
    decision = Bench(HoldRecord(B, "b0", 7, moves=often)).decide(LATER_S)
    assert (decision.rule.number, decision.situation.pace) == ("H51", Pace.READY)


def test_the_largest_budget_that_is_allowed_can_be_spent():
    """The record must hold as many as the budget counts."""
    many = hold_of(to_json(replace(HELD_BY_A, moves=tuple(WALL_S - i for i in range(2 * MOVES_KEPT)))))
    assert moves_left(many, HoldPolicy(move_budget=MOVES_KEPT), WALL_S) == 0


@pytest.mark.parametrize(
    ("policy", "found"),
    [
        (POLICY, []),
        (HoldPolicy(move_budget=1), []),
        (HoldPolicy(move_budget=MOVES_KEPT), []),
        (HoldPolicy(move_budget=0), [("move_budget", "is 0", "1 to 20")]),
        (HoldPolicy(move_budget=MOVES_KEPT + 1), [("move_budget", "is 21", "1 to 20")]),
        (HoldPolicy(move_window_s=0.0), [("move_window_s", "is 0", "more than 0")]),
        (HoldPolicy(path_lost_hold_s=45.0), []),
        (HoldPolicy(path_lost_hold_s=3600.0), []),
        (HoldPolicy(path_lost_hold_s=44.0), [("path_lost_hold_s", "is 44", "45 to 3600")]),
        (HoldPolicy(path_lost_hold_s=3601.0), [("path_lost_hold_s", "is 3601", "45 to 3600")]),
        (HoldPolicy(path_lost_hold_s=math.nan), [("path_lost_hold_s", "is nan", "45 to 3600")]),
        (HoldPolicy(move_window_s=math.nan), [("move_window_s", "is nan", "more than 0")]),
    ],
)
def test_a_policy_that_could_not_be_kept_names_its_key_what_is_wrong_and_what_is_allowed(policy, found):
    """One line for each."""
    assert policy.problems() == found


# --- the order


def test_the_first_by_name_takes_it_at_once_and_the_next_ones_after_it():
    """Each gives those before it two renewals' time."""
    for letter, rank in (("0", 1), ("c", 0)):
        bench = Bench(HoldRecord("ctl-x", "x1", 7))
        bench.write("ctl-x", controller("x1", fenced=True))
        bench.write(f"ctl-{letter}", controller("i1"))
        bench.write(A, controller("a1", ready=False))
        bench.look(2000.0)
        assert bench.decide(2000.0).situation.pace is (Pace.BACKING_OFF if rank else Pace.READY)
        assert bench.decide(2000.0 + rank * RANK_S).situation.pace is Pace.READY


def test_of_two_before_it_each_gets_its_time():
    """Twelve seconds for two."""
    bench = Bench(HoldRecord("ctl-x", "x1", 7))
    bench.write("ctl-x", controller("x1", fenced=True))
    bench.write("ctl-0", controller("i1"))
    bench.write(A, controller("a1", seq=2))
    bench.look(2000.0)
    assert bench.decide(2000.0 + 2 * RANK_S - 0.01).rule.number == "H45"
    assert bench.decide(2000.0 + 2 * RANK_S).rule.number == "H51"


def test_the_one_that_held_it_last_comes_first_whatever_its_name():
    """The least of all moves: a controller that was rebooted."""
    bench = Bench(HoldRecord(C, "c0", 7))
    bench.write(A, controller("a1", ready=False))
    bench.write(C, controller("c1"))
    bench.look(2000.0)
    assert bench.decide(2000.0).rule.number == "H45"
    assert bench.decide(2000.0 + RANK_S).rule.number == "H51"


def test_one_that_could_not_serve_or_is_silent_is_waited_for_by_nobody():
    """It would not take it."""
    bench = Bench(HoldRecord("ctl-x", "x1", 7))
    bench.write("ctl-x", controller("x1", fenced=True))
    bench.look(1000.0)
    assert bench.decide(1000.0).rule.number == "H45"
    renewing(bench, 1001.0, a=False)
    assert bench.decide(1001.0).rule.number == "H51"


def test_a_silent_holder_is_no_standby_before_this_one():
    """Else its own pairing would wait for it."""
    assert Bench().decide(LATER_S).rule.number == "H52"


def test_the_order_begins_when_it_is_free_not_when_it_was_last_written():
    """ctl-b is second: it lets ctl-a try from the end of W on."""
    bench = Bench(HoldRecord(C, "c1", 7))
    bench.write(C, controller("c1"))
    bench.look(2000.0)
    free_s = over(2000.0)
    renewing(bench, free_s - 1, a=True)
    assert bench.decide(free_s).rule.number == "H45"
    assert bench.decide(free_s + RANK_S + 0.001).rule.number == "H52"


def test_what_a_standby_did_not_fetch_is_anybodys_by_rank():
    """Reserved, then free."""
    bench = Bench(HoldRecord("", "", 7, successor=C))
    assert bench.decide(LATER_S - 0.01).rule.number == "H31"
    assert bench.decide(LATER_S).rule.number == "H51"


def test_a_standby_that_never_takes_it_does_not_keep_the_others_from_it():
    """ctl-c came back and cannot serve; ctl-a could, and is paused. ctl-b must have its turn."""
    bench = Bench(HoldRecord(C, "c0", 7))
    rules = []
    for step in range(200):
        now_s = 2000.0 + 3 * step
        renewing(bench, now_s, a=True, b=True, c=False)
        rules.append(bench.decide(now_s + 1).rule.number)
    assert "H51" in rules


@pytest.mark.parametrize(("deadline_s", "rule"), [(60.0, "H45"), (5.0, "H52")])
def test_the_order_begins_at_the_end_of_the_holders_own_wait(deadline_s, rule):
    """A longer D: ctl-a still comes first. A shorter one, with nobody before this one: no reason to wait."""
    bench = Bench(HoldRecord("ctl-x", "x1", 7))
    bench.write("ctl-x", controller("x1", deadline_s=deadline_s))
    bench.look(2000.0)
    free_s = over(2000.0, takeover_wait_s(deadline_s, 2.0, TIMING.margin_s))
    renewing(bench, free_s, a=deadline_s > TIMING.deadline_s)
    decision = bench.decide(free_s)
    assert (decision.claim, decision.rule.number) == (Claim.SILENT, rule)
