"""What humans and holders want of a pairing: it was stopped on purpose, or should move."""

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
from nova_watchdog.core.hold import decide as hold_decide
from nova_watchdog.core.hold.decide import Self
from nova_watchdog.core.hold.records import (
    MAX_DEADLINE_S,
    MAX_KILL_S,
    HoldRecord,
    Vantage,
    controller_key,
    hold_key,
)
from nova_watchdog.core.hold.rules import HereFact, HoldVerb, Wish
from nova_watchdog.core.hold.timing import takeover_wait_s
from nova_watchdog.core.permission import Permission

LATER_S = over(1000.0)
# The same where nothing is known of the holder's times.
OF_UNKNOWN_S = over(1000.0, takeover_wait_s(MAX_DEADLINE_S, MAX_KILL_S, TIMING.margin_s))

# --- stopped on purpose


@pytest.mark.parametrize("was", [True, False])
def test_what_a_human_did_is_written_and_only_when_it_is_news(was):
    """So that the next holder respects it."""
    bench = Bench(replace(MINE, stopped=was))
    assert bench.decide(1001.0, stopped=None).record is None
    assert bench.decide(1001.0, stopped=was).record is None
    decision = bench.decide(1001.0, stopped=not was)
    assert decision.record == replace(MINE, stopped=not was)
    assert decision.expected == {
        hold_key(PAIRING): bench.of(hold_key(PAIRING)),
        controller_key(B): bench.of(controller_key(B)),
    }


def test_of_anothers_pairing_nothing_is_said():
    """It is dead here because it is held there."""
    for stopped in (True, False):
        assert Bench().decide(1001.0, stopped=stopped).record is None
        assert Bench(hold=None).decide(1001.0, stopped=stopped).record is None


@pytest.mark.parametrize(
    "hold",
    [
        replace(HELD_BY_A, stopped=True),
        replace(HELD_BY_A, incarnation="a0", stopped=True),
        HoldRecord("", "", 7, successor=B, stopped=True),
        HoldRecord(B, "b0", 7, stopped=True),
    ],
)
def test_what_a_human_stopped_is_not_taken_however_its_holder_went_away(hold):
    """It would be started."""
    decision = Bench(hold).decide(LATER_S)
    assert (decision.rule.number, decision.record) == ("H32", None)


def test_a_release_says_that_a_human_stopped_it_meanwhile():
    """Stopped by hand while it was about to move: the standby must not start it."""
    decision = with_standby().decide(1001.0, give=PATH_LOST, stopped=True)
    assert decision.record is not None
    assert decision.record.stopped


def test_a_humans_failover_moves_what_was_stopped_and_it_stays_stopped():
    """A second wish starts it: where it is now."""
    decision = with_standby(replace(MINE, stopped=True)).decide(1001.0, give=BY_HUMAN, stopped=True)
    assert decision.record == HoldRecord("", "", 7, successor=C, stopped=True, moves=MINE.moves)


@pytest.mark.parametrize(
    ("hold", "fenced", "at_s"),
    [
        (replace(HELD_BY_A, stopped=True), A, LATER_S),
        (replace(HELD_BY_A, incarnation="a0", stopped=True), "", LATER_S),
        (HoldRecord("", "", 7, successor=B, stopped=True), "", LATER_S),
        (HoldRecord("", "", 7, successor=C, stopped=True), "", LATER_S),
        (HoldRecord(B, "b0", 7, stopped=True), "", LATER_S),
        (HoldRecord("ctl-z", "z1", 7, stopped=True), "ctl-z", OF_UNKNOWN_S),
    ],
)
def test_a_human_may_have_run_what_was_stopped(hold, fenced, at_s):
    """Whoever may come back is fenced, it is stopped no more, and it is no move of the budget."""
    bench = Bench(hold)
    decision = bench.decide(at_s, take=True)
    assert (decision.rule.number, decision.fences) == ("H53", fenced)
    assert decision.record == HoldRecord(B, "b1", 8, moves=hold.moves)
    expected = {
        hold_key(PAIRING): bench.of(hold_key(PAIRING)),
        controller_key(B): bench.of(controller_key(B)),
    }
    if fenced:
        expected[controller_key(fenced)] = bench.of(controller_key(fenced))
    assert decision.expected == expected


def test_a_human_may_not_have_run_what_was_stopped_by_one_who_was_fenced_before_fencing_it_again():
    """Its record may be a new registration's by now."""
    bench = Bench(replace(HELD_BY_A, stopped=True))
    bench.write(A, controller("a1", fenced=True))
    bench.look(1001.0)
    decision = bench.decide(LATER_S, take=True)
    assert (decision.rule.number, decision.fences) == ("H53", "")


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"permission": Permission.OBSERVE}, "H01"),
        ({"permission": Permission.PAUSED}, "H40"),
        ({"permission": Permission.NO_RECORD}, "H40"),
        ({"here": HereFact.UNSURE}, "H42"),
        ({"here": HereFact.RUNS}, "H03"),
        ({"vantage": Vantage(ready=False)}, "H43"),
    ],
)
def test_a_humans_wish_to_take_it_is_no_way_around_the_rest(changed, rule):
    """Nor around W, nor is it one against a holder that lives."""
    bench = Bench(replace(HELD_BY_A, stopped=True))
    assert bench.decide(LATER_S, take=True, **changed).rule.number == rule
    assert bench.decide(1001.0, take=True).rule.number == "H30"
    assert bench.registration is not None
    bench.registration = replace(bench.registration, registered_at_s=LATER_S)
    assert bench.decide(LATER_S, take=True).rule.number == "H41"


def test_a_wish_to_take_what_is_held_here_changes_nothing_and_what_is_nobodys_is_taken():
    """A human names the first holder of what runs nowhere."""
    assert Bench(MINE).decide(1001.0, take=True).rule.number == "H13"
    assert Bench(hold=None).decide(1001.0, take=True).rule.number == "H18"
    assert with_standby().decide(1001.0, take=True, give=BY_HUMAN).situation.wish is Wish.GIVE


def test_that_it_was_given_up_here_once_is_no_word_against_a_human():
    """The phase is of the last hold here: it must not swallow the wish."""
    bench = Bench(replace(HELD_BY_A, stopped=True))
    assert bench.decide(LATER_S, take=True, give=PATH_LOST).rule.number == "H53"


def test_what_a_human_had_taken_is_no_move_of_the_budget():
    """Only what no human asked for."""
    decision = Bench(replace(HELD_BY_A, incarnation="a0")).decide(LATER_S, take=True)
    assert decision.record is not None
    assert decision.record.moves == HELD_BY_A.moves


@pytest.mark.parametrize("permission", [Permission.PAUSED, Permission.MAINTENANCE, Permission.NO_RECORD])
@pytest.mark.parametrize("here", list(HereFact))
def test_in_a_pause_nothing_moves_that_no_human_asked_for(permission, here):
    """Given up during a storage maintenance: a standby that is not paused would start it in the middle."""
    decision = with_standby().decide(1001.0, give=PATH_LOST, permission=permission, here=here)
    assert (decision.rule.verb, decision.record) == (HoldVerb.NOTHING, None)


# --- the wish


def test_a_wish_without_a_standby_is_told_and_it_is_kept():
    """Better a bad holder than none."""
    bench = with_standby(ready=False)
    for here in HereFact:
        decision = bench.decide(1001.0, give=BY_HUMAN, here=here)
        assert (decision.rule.number, decision.record) == ("H12", None)


def test_a_wish_for_one_controller_is_for_that_one_alone():
    """Not for the next best."""
    bench = with_standby()
    bench.write(A, controller("a1"))
    bench.look(1001.0)
    to_c = bench.decide(1001.0, give=replace(BY_HUMAN, to=C))
    assert to_c.record is not None
    assert to_c.record.successor == C
    to_a = bench.decide(1001.0, give=replace(BY_HUMAN, to=A))
    assert to_a.record is not None
    assert to_a.record.successor == A
    for nobody in (B, "ctl-z"):
        decision = bench.decide(1001.0, give=replace(BY_HUMAN, to=nobody))
        assert (decision.situation.wish, decision.record) == (Wish.GIVE_TO_NOBODY, None)


def test_the_budget_ends_moves_that_no_human_asked_for():
    """Four in an hour; a human may always."""
    spent = replace(MINE, moves=tuple(WALL_S - 100 * i for i in range(4)))
    bench = with_standby(spent)
    assert bench.decide(1001.0, give=PATH_LOST).rule.number == "H12"
    assert bench.decide(1001.0, give=BY_HUMAN).rule.number == "H11"
    one_left = replace(MINE, moves=spent.moves[1:])
    assert with_standby(one_left).decide(1001.0, give=PATH_LOST).rule.number == "H11"


def test_no_wish_is_no_move():
    """A ready standby alone is no reason."""
    decision = with_standby().decide(1001.0, here=HereFact.RUNS)
    assert (decision.rule.number, decision.situation.wish) == ("H13", Wish.KEEP)


def test_a_release_of_what_is_not_there_is_nothing():
    """The table never asks for it: only what is mine is released."""
    me = Self(B, None, HereFact.DEAD, READY, Permission.PROTECT)
    assert hold_decide._released(None, C, me, frozenset(), WALL_S) is None
