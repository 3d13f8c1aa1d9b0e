"""Moves that no human asks for: to whom, who is left out, and one at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.hold_bench import (
    BY_HUMAN,
    HELD_BY_A,
    MINE,
    PAIRING,
    PATH_LOST,
    READY,
    TIMING,
    WALL_S,
    A,
    B,
    Bench,
    C,
    controller,
    over,
    with_standby,
)
from nova_watchdog.core.hold.moves import SETTLES_WITHIN_S, Give, HoldPolicy, failed_lately, unsettled
from nova_watchdog.core.hold.records import HoldRecord, Vantage, hold_key, to_json
from nova_watchdog.core.hold.rules import HereFact, Wish
from nova_watchdog.core.hold.standbys import accepts, rank, ready_standbys, successor_of

POLICY = HoldPolicy()
FAILED = Give("the restart budget is spent here", has_failed=True)
LATER_S = over(1000.0)
HOUR_S = POLICY.move_window_s
OTHER = "cluster-b"


def three(hold: HoldRecord = MINE, **priorities: int) -> Bench:
    """ctl-a, ctl-c and ctl-d could all serve what ctl-b holds."""
    bench = Bench(hold)
    for letter in "acd":
        bench.write(f"ctl-{letter}", controller(f"{letter}1", priority=priorities.get(letter, 0)))
    bench.look(1000.0)
    return bench


# --- the order


def test_the_highest_priority_comes_first_and_then_the_name():
    """An operator says where it should rather run; equals are told apart by what all of them know."""
    assert ready_standbys(PAIRING, B, three().sight, TIMING, 1001.0) == [A, C, "ctl-d"]
    bench = three(c=5, d=5, a=-1)
    assert ready_standbys(PAIRING, B, bench.sight, TIMING, 1001.0) == [C, "ctl-d", A]
    assert rank("ctl-z", bench.sight) == (False, 0, "ctl-z")
    decision = bench.decide(1001.0, give=PATH_LOST)
    assert decision.record is not None
    assert decision.record.successor == C


def test_the_turns_at_a_takeover_follow_the_priority():
    """ctl-c comes before ctl-b, though its name does not; with equal priorities it does not."""
    for priority, rule in ((1, "H45"), (0, "H52"), (-1, "H52")):
        bench = Bench()
        at_s = LATER_S - 1.0
        bench.write(C, controller("c1", priority=priority))
        bench.look(at_s)
        assert bench.decide(LATER_S).rule.number == rule


# --- who failed


def test_who_could_not_make_it_work_is_remembered_and_not_tried_again():
    """ctl-b gives it up for ctl-a; ctl-a's failure leaves only ctl-c, and then nobody."""
    first = three().decide(1001.0, give=FAILED).record
    assert first == HoldRecord("", "", 7, successor=A, moves=(*MINE.moves, WALL_S), failed={B: WALL_S})
    second = three(replace(MINE, failed={A: WALL_S - 5})).decide(1001.0, give=FAILED).record
    assert second is not None
    assert (second.successor, second.failed) == (C, {A: WALL_S - 5, B: WALL_S})
    all_failed = replace(MINE, failed=dict.fromkeys((A, C, "ctl-d"), WALL_S - 5))
    decision = three(all_failed).decide(1001.0, give=FAILED)
    assert (decision.rule.number, decision.record) == ("H12", None)
    assert decision.reason == (
        "the restart budget is spent here; ctl-a: it could not make it work; "
        "ctl-c: it could not make it work; ctl-d: it could not make it work"
    )


def test_a_failure_is_forgotten_with_the_window():
    """Somebody may have mended it. One of far ahead was a wrong clock's."""
    hold = replace(MINE, failed={A: WALL_S - HOUR_S, C: WALL_S - HOUR_S + 1, "ctl-d": WALL_S + 9e6})
    assert failed_lately(hold, POLICY, WALL_S) == {C}
    assert failed_lately(None, POLICY, WALL_S) == frozenset()
    decision = three(hold).decide(1001.0, give=PATH_LOST)
    assert decision.record is not None
    assert (decision.record.successor, decision.record.failed) == (A, {C: WALL_S - HOUR_S + 1})


def test_a_human_may_name_one_that_failed_and_it_has_not_failed_any_more():
    """He mended it."""
    hold = replace(MINE, failed={A: WALL_S - 5, C: WALL_S - 5})
    decision = three(hold).decide(1001.0, give=replace(BY_HUMAN, to=C))
    assert decision.record is not None
    assert (decision.record.successor, decision.record.failed) == (C, {A: WALL_S - 5})
    unnamed = three(hold).decide(1001.0, give=BY_HUMAN)
    assert unnamed.record is not None
    assert unnamed.record.successor == "ctl-d"


def test_after_a_lost_holder_one_that_failed_comes_last_and_better_than_nobody():
    """It is taken by ctl-b at once where ctl-a failed, and by ctl-a at last."""
    bench = Bench(HoldRecord("ctl-z", "z1", 7, failed={B: WALL_S - 5}))
    bench.write("ctl-z", controller("z1", fenced=True))
    bench.write(C, controller("c1"))
    bench.look(LATER_S)
    assert bench.decide(LATER_S + 1.0).rule.number == "H45"
    assert bench.decide(LATER_S + 4 * TIMING.renew_s).rule.number == "H51"
    kept = bench.decide(LATER_S + 4 * TIMING.renew_s).record
    assert kept is not None
    assert kept.failed == {B: WALL_S - 5}
    by_human = bench.decide(LATER_S + 1.0, take=True).record
    assert by_human is not None
    assert by_human.failed == {}


# --- proven, and for long enough


def test_a_standby_must_have_been_ready_for_as_long_as_the_path_is_lost():
    """A vCenter that comes back for all is seen by one of them first."""
    bench = three()
    lost = Give("the path to vCenter is lost here", ready_for_s=60.0)
    for at_s in (1010.0, 1020.0, 1030.0):
        bench.write(A, controller("a1", ready=False, seq=int(at_s)))
        bench.write(C, controller("c1", seq=int(at_s)))
        bench.look(at_s)
    bench.write(A, controller("a1", seq=99))
    for at_s in (1040.0, 1050.0, 1059.9):
        bench.write(A, controller("a1", seq=int(at_s)))
        bench.write(C, controller("c1", seq=int(at_s)))
        bench.look(at_s)
    early = bench.decide(1059.9, give=lost)
    assert (early.rule.number, early.record) == ("H12", None)
    assert "ctl-c: it is not proven to be ready for long enough" in early.reason
    decision = bench.decide(1060.0, give=lost)
    assert decision.record is not None
    assert decision.record.successor == C
    assert decision.reason == "the path to vCenter is lost here, and not from ctl-c"


def test_what_a_standby_could_not_tell_proves_nothing():
    """It may not reach the bus either."""
    lost = Give("the path to the message bus is lost here", proves=("message-bus",))
    bench = with_standby()
    bench.write(C, controller("c1", vantages={PAIRING: Vantage(ready=True, unproven=("message-bus",))}))
    bench.look(1000.0)
    assert bench.decide(1001.0, give=lost).situation.wish is Wish.GIVE_TO_NOBODY
    assert bench.decide(1001.0, give=replace(lost, proves=("vcenter",))).situation.wish is Wish.GIVE
    assert bench.decide(1001.0, give=BY_HUMAN).situation.wish is Wish.GIVE


def test_a_successor_that_was_never_seen_is_ready_since_just_now():
    """Sight and records agree, and if they do not nobody is trusted."""
    bench = three()
    sight = replace(bench.sight, ready_since_s={})
    assert successor_of(PAIRING, B, replace(PATH_LOST, ready_for_s=1.0), sight, TIMING, 1001.0) == ""


# --- one at a time


def near(bench: Bench, hold: HoldRecord | None = None, *, at_s: float = 1000.0) -> Bench:
    """Another pairing of the same vCenter, in the store."""
    bench.put(hold_key(OTHER), to_json(hold or HoldRecord(C, "c1", 3)))
    bench.look(at_s)
    return bench


def serving(bench: Bench, at_s: float) -> Bench:
    """ctl-c says that it serves the other one."""
    vantages = {PAIRING: READY, OTHER: Vantage(ready=True, serves=True)}
    bench.write(C, controller("c1", seq=9, vantages=vantages))
    bench.look(at_s)
    return bench


def test_another_pairing_of_the_same_vcenter_that_moves_is_waited_for():
    """Until it is served where it went, or for five minutes."""
    bench = near(with_standby())
    waits = bench.decide(1001.0, give=PATH_LOST, near=(OTHER,))
    assert (waits.rule.number, waits.situation.wish, waits.record) == ("H09", Wish.WAIT, None)
    assert waits.reason == "the path to vCenter is lost here: to ctl-c"
    assert bench.decide(1001.0, give=PATH_LOST).rule.number == "H11"
    assert bench.decide(1001.0, give=BY_HUMAN, near=(OTHER,)).rule.number == "H11"
    assert serving(bench, 1002.0).decide(1003.0, give=PATH_LOST, near=(OTHER,)).rule.number == "H11"


def test_what_has_begun_goes_on_and_what_has_not_waits_for_it():
    """The second of two that are stopped here waits; the first does not wait for the second."""
    bench = serving(near(with_standby()), 1000.0)
    for stopping, rule in (((OTHER,), "H09"), ((PAIRING,), "H10"), ((PAIRING, OTHER), "H10"), ((), "H10")):
        decision = bench.decide(1001.0, give=PATH_LOST, near=(OTHER,), stopping=stopping, here=HereFact.RUNS)
        assert decision.rule.number == rule


def test_what_systemd_works_on_is_not_begun_and_what_was_begun_goes_on():
    """A human may be stopping it just now: then it stays stopped, and does not move."""
    going_on = replace(PATH_LOST, begins=False)
    for stopping, rule in (((), "H13"), ((PAIRING,), "H10")):
        decision = with_standby().decide(1001.0, give=going_on, stopping=stopping, here=HereFact.RUNS)
        assert decision.rule.number == rule


def test_a_pairing_is_settled_when_it_was_served_since_it_changed_hands():
    """That it fails later is another matter, and so is one that a human stopped."""
    bench = near(with_standby())
    assert unsettled((OTHER, "cluster-z"), bench.sight, 1001.0) == [OTHER]
    assert unsettled((OTHER,), bench.sight, 1000.0 + SETTLES_WITHIN_S) == []
    serving(bench, 1002.0)
    assert unsettled((OTHER,), bench.sight, 1002.0) == []
    bench.write(C, controller("c1", seq=10))
    bench.look(1003.0)
    assert unsettled((OTHER,), bench.sight, 1003.0) == []
    near(bench, HoldRecord("", "", 3, successor=A), at_s=1004.0)
    assert unsettled((OTHER,), bench.sight, 1004.0) == [OTHER]
    near(bench, HoldRecord("", "", 3, successor=A, stopped=True), at_s=1005.0)
    assert unsettled((OTHER,), bench.sight, 1005.0) == []
    bench.put(hold_key(OTHER), {"format": 2})
    bench.look(1006.0)
    assert unsettled((OTHER,), bench.sight, 1006.0) == []


@pytest.mark.parametrize(
    "record",
    [controller("c2"), controller("c1", fenced=True), controller("c1", vantages={})],
    ids=["another-registration", "fenced", "silent"],
)
def test_only_the_registration_that_holds_it_can_say_that_it_serves(record):
    """And only while it lives."""
    bench = near(with_standby())
    bench.write(
        C, replace(record, vantages=record.vantages and {OTHER: Vantage(ready=True, serves=True)}, seq=9)
    )
    bench.look(1001.0)
    assert unsettled((OTHER,), bench.sight, 1001.0) == [OTHER]


# --- what a human accepts


def test_all_that_fails_must_be_accepted_and_a_reason_without_a_name_cannot_be():
    """One that is paused has none."""
    failing = Vantage(ready=False, failing=("compute_id", "vcenter"))
    assert accepts(failing, ("vcenter", "compute_id", "bus"))
    assert not accepts(failing, ("vcenter",))
    assert not accepts(Vantage(ready=False), ("vcenter",))


def test_a_human_gives_it_to_one_that_is_not_ready_and_it_takes_it():
    """The record carries what was accepted to the one who must not mind."""
    bench = with_standby()
    failing = Vantage(ready=False, reason="another compute_id", failing=("compute_id",))
    bench.write(A, controller("a1", vantages={PAIRING: failing}))
    bench.look(1000.0)
    assert bench.decide(1001.0, give=replace(BY_HUMAN, to=A)).rule.number == "H12"
    decision = bench.decide(1001.0, give=replace(BY_HUMAN, to=A, accept=("compute_id",)))
    assert decision.record is not None
    assert (decision.record.successor, decision.record.accepted) == (A, ("compute_id",))
    first = bench.decide(1001.0, give=replace(BY_HUMAN, accept=("compute_id",))).record
    assert first is not None
    assert first.successor == C
    unasked = bench.decide(1001.0, give=replace(PATH_LOST, to=A, accept=("compute_id",)))
    assert unasked.record is None

    offered = Bench(replace(decision.record, successor=B))
    taken = offered.decide(LATER_S, vantage=failing)
    assert (taken.rule.number, taken.record and taken.record.accepted) == ("H50", ())
    other = replace(failing, failing=("vcenter",))
    assert offered.decide(LATER_S, vantage=other).rule.number == "H43"
    anothers = Bench(replace(decision.record, successor=C))
    assert anothers.decide(LATER_S, vantage=failing).rule.number == "H43"


def test_a_human_takes_it_where_it_is_not_ready():
    """What was accepted counts for the wish alone."""
    failing = Vantage(ready=False, failing=("vcenter",))
    bench = Bench(replace(HELD_BY_A, stopped=True))
    assert bench.decide(LATER_S, take=True, vantage=failing).rule.number == "H43"
    assert bench.decide(LATER_S, take=True, vantage=failing, accept=("vcenter",)).rule.number == "H53"
    free = Bench(HELD_BY_A)
    assert free.decide(LATER_S, vantage=failing, accept=("vcenter",)).rule.number == "H43"


def test_a_budget_that_is_spent_is_told():
    """The standby is there: it is the moves that are used up."""
    spent = replace(MINE, moves=tuple(WALL_S - i for i in range(4)))
    decision = with_standby(spent).decide(1001.0, give=PATH_LOST)
    assert decision.reason.endswith("ctl-c could take it, but it has moved too often")
    assert with_standby().decide(1001.0).reason == ""
    assert Bench().decide(1001.0, give=PATH_LOST).reason == ""
