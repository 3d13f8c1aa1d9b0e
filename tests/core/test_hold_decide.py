"""One pairing's hold is judged: what is written, what the transaction compares, and who is fenced."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.hold_bench import (
    BY_HUMAN,
    HELD_BY_A,
    MINE,
    PAIRING,
    PATH_LOST,
    TIMING,
    W_S,
    WALL_S,
    A,
    B,
    Bench,
    C,
    controller,
    over,
    with_standby,
)
from nova_watchdog.core.hold.claims import Claim, Registration
from nova_watchdog.core.hold.decide import compared, standing_of
from nova_watchdog.core.hold.records import HoldRecord, controller_key, hold_key
from nova_watchdog.core.hold.rules import HereFact, HoldVerb, Standing
from nova_watchdog.core.permission import Permission

LATER_S = over(1000.0)


# --- what is written


def test_a_takeover_compares_the_hold_the_holder_and_this_daemon_and_fences_the_holder():
    """Rule 3: one transaction, and any renewal in between undoes it."""
    bench = Bench()
    decision = bench.decide(LATER_S)
    assert (decision.claim, decision.rule.number, decision.fences) == (Claim.SILENT, "H52", A)
    assert decision.expected == {
        hold_key(PAIRING): bench.of(hold_key(PAIRING)),
        controller_key(A): bench.of(controller_key(A)),
        controller_key(B): bench.of(controller_key(B)),
    }
    assert decision.record == HoldRecord(B, "b1", 8, moves=(10.0, WALL_S))


def test_a_takeover_compares_what_was_seen_and_not_what_is_there_now():
    """ctl-a renews after the last look: the transaction must fail, so the old revision is in it."""
    bench = Bench()
    seen = bench.of(controller_key(A))
    bench.write(A, controller("a1", seq=2))
    decision = bench.decide(LATER_S)
    assert decision.expected is not None
    assert decision.expected[controller_key(A)] == seen < bench.of(controller_key(A))


def test_a_takeover_compares_this_daemons_confirmed_revision_not_the_one_in_sight():
    """It stands on what it has confirmed: the record of another one of its name is none of its own."""
    bench = Bench()
    confirmed = bench.of(controller_key(B))
    bench.write(B, controller("b1", seq=5))
    bench.look(1001.0)
    decision = bench.decide(LATER_S)
    assert decision.expected is not None
    assert decision.expected[controller_key(B)] == confirmed


def test_a_takeover_from_a_record_that_is_gone_compares_that_it_still_is():
    """It may come back."""
    bench = Bench()
    del bench.found[controller_key(A)]
    bench.look(1000.0)
    decision = bench.decide(LATER_S)
    assert (decision.rule.number, decision.fences) == ("H52", A)
    assert decision.expected is not None
    assert decision.expected[controller_key(A)] == 0


def test_one_who_was_never_seen_is_compared_as_absent():
    """The strictest there is."""
    bench = Bench()
    registration = Registration("b1", 12, 1, 0.0, 0.0)
    expected = compared("cluster-z", B, registration, bench.sight, "ctl-z")
    assert expected == {hold_key("cluster-z"): 0, controller_key(B): 12, controller_key("ctl-z"): 0}


@pytest.mark.parametrize(
    ("hold", "here", "rule"),
    [
        (replace(HELD_BY_A, incarnation="a0"), HereFact.DEAD, "H51"),
        (HoldRecord("", "", 7, successor=B), HereFact.DEAD, "H50"),
        (HoldRecord("", "", 7, successor=C), HereFact.DEAD, "H51"),
        (HoldRecord(B, "b0", 7), HereFact.DEAD, "H51"),
        (None, HereFact.RUNS, "H20"),
    ],
)
def test_a_claim_fences_nobody_and_compares_the_hold_and_this_daemon(hold, here, rule):
    """Whose registration is over has nothing to lose by it."""
    bench = Bench(hold)
    decision = bench.decide(LATER_S, here=here)
    assert (decision.rule.number, decision.fences) == (rule, "")
    assert decision.expected == {
        hold_key(PAIRING): bench.of(hold_key(PAIRING)),
        controller_key(B): bench.of(controller_key(B)),
    }
    assert decision.record is not None
    assert (decision.record.holder, decision.record.incarnation) == (B, "b1")
    assert decision.record.epoch == (1 if hold is None else hold.epoch + 1)
    assert decision.record.successor == ""


def test_a_first_hold_is_taken_only_where_it_runs_and_if_there_still_is_none():
    """Two that find it running at once: revision 0 lets one of them."""
    bench = Bench(hold=None)
    assert bench.decide(LATER_S).rule.number == "H21"
    decision = bench.decide(LATER_S, here=HereFact.RUNS)
    assert decision.record == HoldRecord(B, "b1", 1)
    assert decision.expected is not None
    assert decision.expected[hold_key(PAIRING)] == 0


def test_a_release_is_written_only_when_it_is_dead_here():
    """The order of docs/safety.md."""
    bench = with_standby()
    for here in (HereFact.RUNS, HereFact.UNSURE):
        decision = bench.decide(1001.0, give=PATH_LOST, here=here)
        assert (decision.rule.verb, decision.record, decision.expected) == (HoldVerb.STOP, None, None)
    decision = bench.decide(1001.0, give=PATH_LOST)
    assert decision.rule.number == "H11"
    assert decision.record == HoldRecord("", "", 7, successor=C, moves=(*MINE.moves, WALL_S))
    assert set(decision.expected or ()) == {hold_key(PAIRING), controller_key(B)}
    assert decision.fences == ""


def test_what_a_human_asked_for_is_no_move_of_the_budget():
    """Neither its release nor its taking."""
    bench = with_standby()
    decision = bench.decide(1001.0, give=BY_HUMAN)
    assert decision.record is not None
    assert decision.record.moves == MINE.moves
    offered = Bench(replace(decision.record, successor=B))
    taken = offered.decide(LATER_S)
    assert taken.record is not None
    assert taken.record.moves == MINE.moves


def test_a_move_is_counted_once_for_its_release_and_its_taking():
    """One change of hands, two writes."""
    released = with_standby().decide(1001.0, give=PATH_LOST).record
    assert released is not None
    for successor in (B, C):
        bench = Bench(replace(released, successor=successor))
        taken = bench.decide(LATER_S).record
        assert taken is not None
        assert taken.moves == released.moves


def test_to_take_back_what_was_its_own_is_no_move():
    """A controller that was rebooted, and nobody else came."""
    decision = Bench(HoldRecord(B, "b0", 7, moves=(5.0,))).decide(LATER_S)
    assert decision.record == HoldRecord(B, "b1", 8, moves=(5.0,))


@pytest.mark.parametrize("taken_from", [HELD_BY_A, replace(HELD_BY_A, incarnation="a0")])
def test_to_take_from_another_is_a_move(taken_from):
    """Silent or free."""
    decision = Bench(taken_from).decide(LATER_S)
    assert decision.record is not None
    assert decision.record.moves == (*HELD_BY_A.moves, WALL_S)


# --- what is not done


@pytest.mark.parametrize("changed", [{}, {"permission": Permission.OBSERVE}, {"here": HereFact.RUNS}])
@pytest.mark.parametrize("hold", [HELD_BY_A, HoldRecord("", "", 7, successor=B), None])
def test_without_a_registration_nothing_is_written(hold, changed):
    """Whatever is free."""
    bench = Bench(hold)
    bench.registration = None
    decision = bench.decide(LATER_S, **changed)
    assert (decision.record, decision.expected, decision.fences) == (None, None, "")
    assert decision.rule.verb in (HoldVerb.NOTHING, HoldVerb.KILL)


def test_a_renewal_that_was_sent_d_ago_is_none():
    """The deadline that it armed fires now."""
    registration = Registration("b1", 12, 1, 2000.0, 0.0)
    sight = Bench().sight
    assert standing_of(None, sight, TIMING, 2000.0) is Standing.NONE
    assert standing_of(registration, sight, TIMING, 2014.999) is Standing.SEASONED
    assert standing_of(registration, sight, TIMING, 2015.0) is Standing.NONE
    fresh = replace(registration, registered_at_s=2014.0 - W_S / 2)
    assert standing_of(fresh, sight, TIMING, 2014.0) is Standing.NEW


def test_a_daemon_that_was_registered_just_now_takes_nothing_however_free_it_is():
    """It may come from a restored store, with holders that only the one before it knew."""
    bench = Bench(HoldRecord("", "", 7, successor=B))
    assert bench.registration is not None
    bench.registration = replace(bench.registration, registered_at_s=1000.0)
    assert bench.decide(LATER_S - 0.01).rule.number == "H41"
    assert bench.decide(LATER_S).rule.number == "H50"


def test_what_runs_here_and_is_anothers_is_killed_and_nothing_is_written():
    """Also while this controller is not registered."""
    bench = Bench()
    decision = bench.decide(1001.0, here=HereFact.RUNS)
    assert (decision.rule.number, decision.record) == ("H03", None)


def test_a_record_that_cannot_be_read_is_neither_taken_nor_killed_nor_overwritten():
    """A newer version's."""
    bench = Bench()
    bench.put(hold_key(PAIRING), {"format": 2})
    bench.look(1001.0)
    for here in HereFact:
        decision = bench.decide(LATER_S, here=here, stopped=True, give=BY_HUMAN)
        assert (decision.rule.number, decision.record) == ("H02", None)
