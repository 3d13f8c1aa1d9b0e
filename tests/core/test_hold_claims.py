"""Whose a pairing is: situations, and the waits to their last moment."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.hold_bench import HELD_BY_A, PAIRING, TIMING, W_S, A, B, Bench, C, controller, just_before, over
from nova_watchdog.core.hold.claims import Claim, Registration, claim_of, is_mine, is_seasoned
from nova_watchdog.core.hold.records import (
    MAX_DEADLINE_S,
    MAX_KILL_S,
    HoldRecord,
    controller_key,
    hold_key,
)
from nova_watchdog.core.hold.sight import Sight
from nova_watchdog.core.hold.timing import Timing, takeover_wait_s

MINE = HoldRecord(B, "b1", 3)
LONG_AGO_S = 1_000_000.0


def test_without_an_answer_of_the_store_nothing_is_known():
    """Unknown is not nobody's."""
    assert claim_of(PAIRING, B, "b1", Sight(), TIMING, LONG_AGO_S) is Claim.UNREAD


@pytest.mark.parametrize(
    ("hold", "at_first", "long_after"),
    [
        pytest.param(None, Claim.NOBODY, Claim.NOBODY, id="no record"),
        pytest.param(MINE, Claim.MINE, Claim.MINE, id="mine"),
        pytest.param(replace(MINE, stopped=True), Claim.MINE, Claim.MINE, id="mine and stopped"),
        pytest.param(HELD_BY_A, Claim.HELD, Claim.SILENT, id="another one's"),
        pytest.param(
            replace(HELD_BY_A, stopped=True), Claim.HELD, Claim.STOPPED, id="another one's, stopped"
        ),
        pytest.param(replace(HELD_BY_A, incarnation="a0"), Claim.FREE, Claim.FREE, id="an earlier life's"),
        pytest.param(
            replace(HELD_BY_A, incarnation="a0", stopped=True),
            Claim.STOPPED,
            Claim.STOPPED,
            id="an earlier life's, stopped",
        ),
        pytest.param(HoldRecord("", "", 7, successor=B), Claim.OFFERED, Claim.OFFERED, id="for me"),
        pytest.param(
            HoldRecord("", "", 7, successor=B, stopped=True),
            Claim.STOPPED,
            Claim.STOPPED,
            id="for me, stopped",
        ),
        pytest.param(HoldRecord("", "", 7, successor=C), Claim.RESERVED, Claim.FREE, id="for another"),
        pytest.param(
            HoldRecord("", "", 7, successor=C, stopped=True),
            Claim.RESERVED,
            Claim.STOPPED,
            id="for another, stopped",
        ),
        pytest.param(HoldRecord("", "", 7), Claim.FREE, Claim.FREE, id="for nobody"),
        pytest.param(HoldRecord(B, "b0", 7), Claim.FREE, Claim.FREE, id="of my own earlier life"),
        pytest.param(HoldRecord(C, "c1", 7), Claim.HELD, Claim.SILENT, id="of one without a record"),
    ],
)
def test_whose_it_is(hold, at_first, long_after):
    """At the first answer, and when nothing has moved for ever."""
    bench = Bench(hold)
    assert bench.claim(1000.0) is at_first
    assert bench.claim(LONG_AGO_S) is long_after


def test_a_hold_is_of_a_name_and_its_registration():
    """Two machines of one name are two, and one daemon without a registration holds nothing."""
    assert is_mine(MINE, B, "b1")
    assert not is_mine(MINE, B, "b2")
    assert not is_mine(MINE, B, None)
    assert not is_mine(MINE, A, "b1")
    assert not is_mine(HoldRecord("", "", 3), "", None)


def test_a_daemon_without_a_registration_sees_its_own_hold_as_it_would_anothers():
    """It may still run under it: nothing is known to be dead before the deadline or the next registration."""
    bench = Bench(MINE)
    bench.registration = None
    assert bench.claim(1000.0) is Claim.HELD
    bench.write(B, controller("b2"))
    bench.look(1001.0)
    assert bench.claim(1001.0) is Claim.FREE


def test_a_holder_is_silent_from_w_on_and_not_a_moment_sooner():
    """By the receipt of the first answer that showed its record."""
    bench = Bench()
    assert bench.claim(just_before(over(1000.0))) is Claim.HELD
    assert bench.claim(over(1000.0)) is Claim.SILENT


def test_any_change_of_the_holders_record_ends_the_silence():
    """Also one that was written just before the wait was over."""
    bench = Bench()
    bench.write(A, controller("a1", seq=2))
    bench.look(just_before(over(1000.0)))
    assert bench.claim(over(1000.0)) is Claim.HELD


def test_the_wait_is_that_of_the_holders_own_times():
    """D of 60 s there, 15 s here: it may run for four times as long as one of ours."""
    bench = Bench()
    bench.write(A, controller("a1", deadline_s=60.0, kill_s=5.0))
    bench.look(1000.0)
    end_s = over(1000.0, takeover_wait_s(60.0, 5.0, TIMING.margin_s))
    assert bench.claim(over(1000.0)) is Claim.HELD
    assert bench.claim(just_before(end_s)) is Claim.HELD
    assert bench.claim(end_s) is Claim.SILENT


def test_the_wait_for_a_holder_with_a_shorter_deadline_is_shorter():
    """It is dead sooner."""
    bench = Bench()
    bench.write(A, controller("a1", deadline_s=5.0, kill_s=1.0))
    bench.look(1000.0)
    assert bench.claim(over(1000.0, takeover_wait_s(5.0, 1.0, TIMING.margin_s))) is Claim.SILENT


def test_the_change_of_a_pairings_own_record_does_not_shorten_or_lengthen_the_wait():
    """The holder's record is its proof of life, not the hold."""
    bench = Bench()
    bench.hold(replace(HELD_BY_A, stopped=False, moves=()))
    bench.look(just_before(over(1000.0)))
    assert bench.claim(over(1000.0)) is Claim.SILENT


@pytest.mark.parametrize("stopped", [False, True])
def test_what_a_fenced_holder_held_is_free_at_once(stopped):
    """Whoever fenced it waited for all of it."""
    bench = Bench(replace(HELD_BY_A, stopped=stopped))
    bench.write(A, controller("a1", fenced=True))
    bench.look(1001.0)
    assert bench.claim(1001.0) is (Claim.STOPPED if stopped else Claim.FREE)


def test_a_holder_whose_record_cannot_be_read_is_never_taken_from():
    """It may be a newer version, and alive."""
    bench = Bench()
    bench.put(controller_key(A), {"format": 2})
    bench.look(1001.0)
    assert bench.claim(LONG_AGO_S) is Claim.UNREAD


def test_a_hold_that_cannot_be_read_is_nobodys_to_take():
    """Nor is it "no record"."""
    bench = Bench()
    bench.put(hold_key(PAIRING), {"format": 2})
    bench.look(1001.0)
    assert bench.claim(LONG_AGO_S) is Claim.UNREAD


def test_a_holder_that_was_never_looked_for_is_unread():
    """A sight that was put together by hand: no answer showed its absence."""
    bench = Bench()
    blind = replace(bench.sight, controllers={})
    assert claim_of(PAIRING, B, "b1", blind, TIMING, LONG_AGO_S) is Claim.UNREAD


@pytest.mark.parametrize("mine", [True, False])
def test_a_released_pairing_is_anybodys_when_its_successor_did_not_come(mine):
    """The one for whom it was released may take it for as long as nobody else has."""
    bench = Bench(HoldRecord("", "", 7, successor=B if mine else C))
    before = Claim.OFFERED if mine else Claim.RESERVED
    after = Claim.OFFERED if mine else Claim.FREE
    assert bench.claim(just_before(over(1000.0))) is before
    assert bench.claim(over(1000.0)) is after


def test_a_release_for_another_that_is_written_anew_waits_anew():
    """Its revision is another one."""
    bench = Bench(HoldRecord("", "", 7, successor=C))
    bench.hold(HoldRecord("", "", 8, successor=C))
    bench.look(1010.0)
    assert bench.claim(over(1000.0)) is Claim.RESERVED


def test_a_record_that_vanished_is_waited_for_with_the_times_that_it_named():
    """ctl-a runs on under its deadline of 60 s, cut off from a store in which a human deleted its record."""
    bench = Bench()
    bench.write(A, controller("a1", deadline_s=60.0))
    bench.look(1000.0)
    del bench.found[controller_key(A)]
    bench.look(1003.0)
    end_s = over(1003.0, takeover_wait_s(60.0, 2.0, TIMING.margin_s))
    assert bench.claim(just_before(end_s)) is Claim.HELD
    assert bench.claim(end_s) is Claim.SILENT


def test_a_holder_of_whom_nothing_is_known_is_waited_for_as_long_as_any_may_run():
    """Its record was gone before this daemon looked: no readable record names a longer D or kill."""
    bench = Bench(HoldRecord("ctl-z", "z1", 7))
    end_s = over(1000.0, takeover_wait_s(MAX_DEADLINE_S, MAX_KILL_S, TIMING.margin_s))
    assert bench.claim(just_before(end_s)) is Claim.HELD
    assert bench.claim(end_s) is Claim.SILENT


@pytest.mark.parametrize("registered_at_s", [0.0, 1000.0])
@pytest.mark.parametrize("sight", [Sight(), Bench().sight])
def test_a_daemon_is_seasoned_from_w_after_its_registration_on(registered_at_s, sight):
    """Whoever holds by a record that a restored store forgot is dead by then."""
    registration = Registration("b1", 12, 1, LONG_AGO_S, registered_at_s)
    end_s = over(registered_at_s)
    assert not is_seasoned(registration, sight, TIMING, just_before(end_s))
    assert is_seasoned(registration, sight, TIMING, end_s)
    longer = Timing(deadline_s=60.0)
    assert not is_seasoned(registration, sight, longer, end_s)


def test_the_longest_deadline_of_any_controller_seasons():
    """Who holds by a forgotten record may be any of them; what cannot be read names no D."""
    bench = Bench()
    bench.write(C, controller("c1", deadline_s=60.0, kill_s=5.0))
    bench.put(controller_key("ctl-d"), {"format": 2})
    bench.look(1000.0)
    registration = Registration("b1", 12, 1, LONG_AGO_S, 1000.0)
    end_s = over(1000.0, takeover_wait_s(60.0, 5.0, TIMING.margin_s))
    assert not is_seasoned(registration, bench.sight, TIMING, just_before(end_s))
    assert is_seasoned(registration, bench.sight, TIMING, end_s)


def test_what_this_controller_sees_does_not_depend_on_the_others_clocks():
    """A record holds no time of day, and a wait counts by local receipt."""
    early, late = Bench(at_s=40.0), Bench(at_s=4_000_000.0)
    assert early.claim(40.0 + W_S - 0.01) is late.claim(4_000_000.0 + W_S - 0.01) is Claim.HELD
    assert early.claim(40.0 + W_S + 0.01) is late.claim(4_000_000.0 + W_S + 0.01) is Claim.SILENT
