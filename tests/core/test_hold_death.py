"""Since when the last holder must be dead: what its reports to Nova are measured by."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.hold_bench import HELD_BY_A, PAIRING, TIMING, W_S, A, B, Bench, controller, over
from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.hold.decide import dead_since_s
from nova_watchdog.core.hold.records import HoldRecord, controller_key, hold_key

LATER_S = over(1000.0)
FREE = replace(HELD_BY_A, incarnation="a0")


def dead(bench: Bench) -> float | None:
    return dead_since_s(PAIRING, B, bench.sight, TIMING)


def test_nothing_shows_who_is_dead_for_a_first_hold_or_its_own():
    """Only Nova's record can."""
    assert dead(Bench(hold=None)) is None
    assert dead(Bench(HoldRecord(B, "b0", 7))) is None
    unread = Bench()
    unread.put(hold_key(PAIRING), {"format": 2})
    unread.look(1001.0)
    assert dead(unread) is None


def test_a_silent_holder_is_dead_d_and_kill_after_its_record_was_first_seen():
    """By the clock of this controller, with all of the drift and none of the margin."""
    bench = Bench()
    bench.write(A, controller("a1", deadline_s=60.0, kill_s=5.0))
    bench.look(1003.0)
    assert dead(bench) == pytest.approx(1003.0 + (60 * 1.001 + 5) / 0.999)


def test_a_holder_whose_record_is_gone_is_dead_d_and_kill_after_it_was_first_missed():
    """By the times that it named last."""
    bench = Bench()
    del bench.found[controller_key(A)]
    bench.look(1004.0)
    assert dead(bench) == pytest.approx(1004.0 + W_S - TIMING.margin_s)


def test_who_released_it_was_dead_when_the_release_was_seen():
    """It is written after the end."""
    bench = Bench()
    bench.hold(HoldRecord("", "", 7, successor=B))
    bench.look(1005.0)
    assert dead(bench) == 1005.0


def test_who_was_fenced_or_registered_anew_was_dead_when_that_was_seen():
    """Both come after the end of what it held."""
    for record in (controller("a1", fenced=True), controller("a2")):
        bench = Bench()
        bench.write(A, record)
        bench.look(1006.0)
        assert dead(bench) == 1006.0


def test_the_hold_counts_where_it_is_the_younger_one():
    """The registration ended before this hold was seen at all."""
    bench = Bench(FREE)
    bench.hold(replace(FREE, epoch=8))
    bench.look(1007.0)
    assert dead(bench) == 1007.0


def test_a_second_release_for_the_same_one_is_a_death_of_its_own():
    """It was held in between, and no look showed it: the epoch tells."""
    bench = Bench(HoldRecord("", "", 7, successor=B))
    bench.hold(HoldRecord("", "", 7, successor=B, moves=(5.0,)))
    bench.look(1005.0)
    assert dead(bench) == 1000.0
    bench.hold(HoldRecord("", "", 9, successor=B))
    bench.look(1010.0)
    assert dead(bench) == 1010.0


def test_a_holder_that_was_never_looked_for_counts_from_the_hold():
    """A sight put together by hand."""
    bench = Bench()
    bench.sight = replace(bench.sight, controllers={})
    assert dead(bench) == 1000.0


def test_a_holder_that_came_back_was_dead_when_it_registered_not_when_it_last_renewed():
    """Else a report that somebody sent in between is taken for the last holder's."""
    bench = Bench()
    bench.write(A, controller("a2"))
    bench.look(1006.0)
    bench.write(A, controller("a2", seq=9))
    bench.look(1030.0)
    assert dead(bench) == 1006.0


def test_the_one_who_takes_over_never_believes_the_holder_dead_in_the_future():
    """What it waited for is over: the margin lies between."""
    bench = Bench()
    dead_s = dead(bench)
    assert dead_s is not None
    assert dead_s < LATER_S


def test_a_silent_holder_of_what_was_stopped_is_dead_no_sooner():
    """It may have been started again at the last moment; D runs from its last renewal as ever."""
    bench = Bench(replace(HELD_BY_A, stopped=True))
    assert bench.claim(LATER_S) is Claim.STOPPED
    assert dead(bench) == dead(Bench()) == pytest.approx(1000.0 + W_S - TIMING.margin_s)
