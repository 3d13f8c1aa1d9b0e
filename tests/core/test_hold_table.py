"""The table of holding is safe over its whole domain, whatever the rows say in words."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.table_walk import decided
from nova_watchdog.core.budget import Pace
from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.hold.rules import (
    TABLE,
    HereFact,
    HoldSituation,
    HoldVerb,
    Readiness,
    Standing,
    Wish,
)
from nova_watchdog.core.permission import Permission

TAKING = (HoldVerb.CLAIM, HoldVerb.TAKE_OVER)
ALL = [(situation, rule.verb) for situation, rule in decided(HoldSituation)]


def of(*verbs: HoldVerb) -> Iterator[HoldSituation]:
    """Every situation in which one of these is done."""
    found = [situation for situation, verb in ALL if verb in verbs]
    assert found
    return iter(found)


def test_nothing_is_taken_before_w_but_a_first_hold_of_what_runs_here():
    """Rule 2 of the takeover: a restored store is harmless only to those who waited."""
    for s in of(*TAKING):
        first = s.claim is Claim.NOBODY and s.here is HereFact.RUNS
        assert s.standing is Standing.SEASONED or (first and s.standing is Standing.NEW), s


def test_nothing_is_taken_but_what_may_be():
    """Never what is held, reserved, mine already, or not known; what was stopped only for a human."""
    free = {Claim.NOBODY, Claim.FREE, Claim.OFFERED, Claim.SILENT}
    assert {s.claim for s in of(*TAKING)} == {*free, Claim.STOPPED}
    assert {s.wish for s in of(*TAKING) if s.claim is Claim.STOPPED} == {Wish.TAKE}


def test_what_others_may_have_held_is_taken_only_with_the_unit_dead_here():
    """Its start comes after the hold, and proves that nobody runs it."""
    for s in of(*TAKING):
        first = s.claim is Claim.NOBODY and s.here is HereFact.RUNS
        assert s.here is HereFact.DEAD or first, s
        assert s.claim is not Claim.NOBODY or first or s.wish is Wish.TAKE, s


def test_a_takeover_fences_and_only_the_silent_are_fenced():
    """One who did nothing is never fenced, and one that may come back always is."""
    assert {s.claim for s in of(HoldVerb.TAKE_OVER)} == {Claim.SILENT, Claim.STOPPED}
    assert Claim.SILENT not in {s.claim for s in of(HoldVerb.CLAIM)}


def test_nothing_is_taken_that_could_not_be_served():
    """But the first hold: it runs."""
    for s in of(*TAKING):
        assert s.ready is Readiness.READY or s.claim is Claim.NOBODY, s


@pytest.mark.parametrize(
    "permission", [Permission.OBSERVE, Permission.PAUSED, Permission.MAINTENANCE, Permission.NO_RECORD]
)
def test_nothing_is_taken_without_permission(permission):
    """A first hold neither."""
    assert permission not in {s.permission for s in of(*TAKING)}


def test_nothing_is_taken_with_a_permission_that_says_that_it_is_not_held():
    """The hold's own part of a permission must never reach this table, and if it does it grants nothing."""
    assert {s.permission for s in of(*TAKING)} == {Permission.PROTECT}


def test_in_observe_nothing_is_done_at_all():
    """Nor is anything killed: the cloud may be untouched."""
    assert {verb for s, verb in ALL if s.permission is Permission.OBSERVE} == {HoldVerb.NOTHING}


def test_nothing_is_released_before_it_is_dead():
    """Release: remove the token, stop, see it dead with no job, then write."""
    for s in of(HoldVerb.RELEASE):
        assert (s.here, s.claim, s.wish) == (HereFact.DEAD, Claim.MINE, Wish.GIVE), s
        assert s.standing is not Standing.NONE


def test_a_stop_is_only_for_what_is_held_here_and_wanted_elsewhere():
    """And only while a standby is ready for it, and the hold is renewed."""
    for s in of(HoldVerb.STOP):
        assert (s.claim, s.wish) == (Claim.MINE, Wish.GIVE), s
        assert s.here is not HereFact.DEAD
        assert s.standing is not Standing.NONE


def test_a_kill_is_only_for_what_runs_here_and_is_known_to_be_anothers_or_nobodys():
    """Never for what is mine, never held by anybody, or not known: an unread store kills nobody."""
    for s in of(HoldVerb.KILL):
        assert s.here is HereFact.RUNS, s
        assert s.claim not in (Claim.MINE, Claim.NOBODY, Claim.UNREAD), s


def test_whatever_runs_here_without_a_hold_is_killed_unless_only_observed():
    """Paused or not, registered or not: two of them destroy each other's work."""
    for s, verb in ALL:
        anothers = s.claim not in (Claim.MINE, Claim.NOBODY, Claim.UNREAD)
        if anothers and s.here is HereFact.RUNS and s.permission is not Permission.OBSERVE:
            assert verb is HoldVerb.KILL, s


def test_without_a_renewal_only_a_kill_is_left():
    """What a lost registration leaves is the deadline's."""
    assert {verb for s, verb in ALL if s.standing is Standing.NONE} == {HoldVerb.NOTHING, HoldVerb.KILL}


def test_what_does_not_answer_is_not_taken_for_dead():
    """Unsure: systemd gives no answer, or works on it."""
    assert HereFact.UNSURE not in {s.here for s in of(*TAKING, HoldVerb.RELEASE, HoldVerb.KILL)}


def test_a_spent_budget_or_a_better_standby_holds_back_all_but_what_was_offered():
    """A release names its successor, and a human the one who takes it: nobody else is before either."""
    for s in of(*TAKING):
        if s.claim in (Claim.FREE, Claim.SILENT) and s.wish is not Wish.TAKE:
            assert s.pace is Pace.READY, s
    assert {s.pace for s in of(HoldVerb.CLAIM) if s.claim is Claim.OFFERED} == set(Pace)


def test_a_human_may_take_what_has_moved_too_often():
    """From then on only a human may move it: so one may."""
    assert Pace.SPENT in {s.pace for s in of(*TAKING) if s.claim is Claim.SILENT and s.wish is Wish.TAKE}


def test_what_is_mine_is_kept_whatever_this_controller_is_good_for():
    """Only the wish gives it away: a holder that is not ready may still be the best there is."""
    verbs = {verb for s, verb in ALL if s.claim is Claim.MINE and s.wish is not Wish.GIVE}
    assert verbs == {HoldVerb.NOTHING}


def test_no_two_controllers_may_both_take_a_first_hold_of_what_does_not_run():
    """A cloud in which one controller is upgraded first would get a second nova-compute."""
    for s, verb in ALL:
        if s.claim is Claim.NOBODY and s.here is not HereFact.RUNS and s.wish is not Wish.TAKE:
            assert verb is HoldVerb.NOTHING, s


def test_every_row_says_why_and_a_row_that_needs_a_human_says_what_to_do():
    """The why is the log line."""
    assert all(len(rule.why) > 8 for rule in TABLE)
    needing = {"H02", "H03", "H04", "H12", "H21", "H32", "H40", "H43", "H44"}
    assert {rule.number for rule in TABLE if rule.remedy} == needing
