"""What was seen in the store, and since when: an answer may be stale, late or torn, and can only delay."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.hold_bench import HELD_BY_A, PAIRING, W_S, A, B, Bench, C, controller, just_before, over
from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.hold.records import controller_key, hold_key, to_json
from nova_watchdog.core.hold.sight import Sight, look

KEY_A = controller_key(A)


def at(revision: int, incarnation: str = "a1", **changed: Any) -> tuple[dict[str, Any], int]:
    """ctl-a's record as an answer shows it."""
    return to_json(controller(incarnation, **changed)), revision


def test_before_the_first_answer_nothing_is_known():
    """Not even that there is nothing."""
    sight = Sight()
    assert (sight.began_at_s, sight.controller(A), dict(sight.holds)) == (None, None, {})


def test_a_record_counts_from_the_receipt_of_the_first_answer_that_showed_it():
    """Not from the sending of the request, and not from a later answer that shows the same."""
    sight = look(Sight(), {KEY_A: at(7)}, 100.0, 102.5)
    for later_s in (105.0, 110.0, 117.0):
        sight = look(sight, {KEY_A: at(7)}, later_s, later_s + 1)
    seen = sight.controller(A)
    assert seen is not None
    assert (seen.revision, seen.since_s, sight.began_at_s) == (7, 102.5, 117.0)


@pytest.mark.parametrize("other", [6, 8, 1, 10**9])
def test_a_revision_that_was_another_one_in_between_counts_anew(other):
    """7, 6, 7: a stale answer from a member of the store that lags can only delay a takeover."""
    sight = Sight()
    for at_s, revision in ((100.0, 7), (110.0, other), (111.0, 7)):
        sight = look(sight, {KEY_A: at(revision)}, at_s, at_s)
    seen = sight.controller(A)
    assert seen is not None
    assert (seen.revision, seen.since_s) == (7, 111.0)


def test_a_record_that_was_missing_from_one_answer_counts_anew():
    """The same, with an answer from before it was written."""
    sight = look(Sight(), {KEY_A: at(7)}, 100.0, 100.0)
    sight = look(sight, {}, 110.0, 110.0)
    assert sight.controller(A) is None
    sight = look(sight, {KEY_A: at(7)}, 111.0, 111.0)
    seen = sight.controller(A)
    assert seen is not None
    assert seen.since_s == 111.0


def test_the_absence_of_a_holders_record_counts_from_when_it_was_first_absent():
    """Not from when its record was last seen, and not from when the hold was."""
    bench = Bench()
    del bench.found[KEY_A]
    bench.look(1005.0)
    bench.look(1010.0)
    seen = bench.sight.controller(A)
    assert seen is not None
    assert (seen.value, seen.revision, seen.since_s, seen.problem) == (None, 0, 1005.0, "")
    assert bench.claim(just_before(over(1005.0))) is Claim.HELD
    assert bench.claim(over(1005.0)) is Claim.SILENT


def test_a_holders_record_that_comes_back_ends_its_absence():
    """And a second absence counts from its own beginning."""
    bench = Bench()
    record = bench.found.pop(KEY_A)
    bench.look(1005.0)
    bench.found[KEY_A] = record
    bench.look(1010.0)
    del bench.found[KEY_A]
    bench.look(1015.0)
    assert bench.claim(over(1005.0)) is Claim.HELD
    assert bench.claim(over(1015.0)) is Claim.SILENT


def test_the_absence_of_one_who_holds_nothing_is_forgotten():
    """Nobody waits for it."""
    bench = Bench()
    bench.write(C, controller("c1"))
    bench.look(1001.0)
    del bench.found[controller_key(C)]
    bench.look(1002.0)
    assert set(bench.sight.controllers) == {A, B}


def test_a_pairing_without_a_record_is_not_in_sight():
    """Absence of a hold is nobody's; it has no since."""
    bench = Bench(hold=None)
    assert PAIRING not in bench.sight.holds


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"format": 2, "incarnation": "a2"}, "format is 2"),
        ({}, "format is None"),
        ({"format": 1}, "incarnation"),
        (json.loads('{"format": 1, "incarnation": {"deep": [1]}, "seq": 1}'), "TypeError"),
    ],
)
def test_a_record_that_cannot_be_read_is_told_and_harms_no_other(value, says):
    """A newer daemon on one controller: its pairings are left alone, the others' are seen."""
    bench = Bench()
    bench.put(KEY_A, value)
    bench.put(hold_key("cluster-z"), value)
    bench.look(1001.0)
    broken = bench.sight.controller(A)
    assert broken is not None
    assert (broken.value, broken.since_s) == (None, 1001.0)
    assert says in broken.problem
    assert bench.sight.holds["cluster-z"].problem
    assert bench.sight.holds[PAIRING].value == HELD_BY_A
    assert bench.claim(1001.0 + 100 * W_S) is Claim.UNREAD


def test_a_record_that_can_be_read_again_counts_anew():
    """The problem ends with its revision."""
    bench = Bench()
    bench.put(KEY_A, {"format": 2})
    bench.look(1001.0)
    bench.write(A, controller("a1"))
    bench.look(1050.0)
    seen = bench.sight.controller(A)
    assert seen is not None
    assert (seen.problem, seen.since_s) == ("", 1050.0)


def test_a_holder_that_only_an_unreadable_hold_names_is_not_watched():
    """Its name cannot be known."""
    bench = Bench()
    bench.put(hold_key(PAIRING), {"format": 2, "holder": "ctl-z"})
    bench.look(1001.0)
    assert bench.sight.controller("ctl-z") is None
    assert bench.claim(2000.0) is Claim.UNREAD


def test_other_keys_of_the_store_are_left_alone():
    """The pairings' records live beside."""
    bench = Bench()
    bench.put("pairings/cluster-a", {"phase": "watching"})
    bench.put("holding/x", {})
    bench.put("controllers", {})
    before = bench.sight
    bench.look(1001.0)
    assert (bench.sight.controllers, bench.sight.holds) == (before.controllers, before.holds)


def test_a_fold_leaves_the_sight_before_it_as_it_was():
    """A round that fails half way keeps the last one."""
    bench = Bench()
    before = bench.sight
    bench.write(A, controller("a1", seq=2))
    bench.look(1003.0)
    assert before.controller(A) != bench.sight.controller(A)
    assert before.began_at_s == 1000.0


ANSWERS = st.lists(
    st.tuples(st.floats(0.001, 20), st.floats(0, 5), st.none() | st.integers(1, 4)), min_size=1, max_size=30
)


@settings(deadline=None)
@given(ANSWERS)
def test_since_is_never_before_the_first_of_the_unbroken_answers(answers):
    """Whatever the store shows in whatever order: the wait is that of the last unbroken run, no longer."""
    sight, now_s = Sight(), 0.0
    hold = {hold_key(PAIRING): (to_json(HELD_BY_A), 1)}
    run_began_s, shown = None, object()
    for pause_s, took_s, revision in answers:
        began_s = now_s + pause_s
        now_s = began_s + took_s
        found = dict(hold) if revision is None else hold | {KEY_A: at(revision)}
        sight = look(sight, found, began_s, now_s)
        if revision != shown:
            run_began_s, shown = now_s, revision
        seen = sight.controller(A)
        assert seen is not None
        assert seen.revision == (revision or 0)
        assert seen.since_s == run_began_s


@settings(deadline=None)
@given(st.lists(st.integers(0, 8), min_size=1, max_size=20))
def test_stale_answers_can_only_delay_a_takeover(lags):
    """ctl-a dies at revision 20. Each answer may be older than the last: no order of them is faster."""
    bench = Bench()
    fresh, stale = Bench(), bench
    for step, lag in enumerate(lags):
        at_s = 1000.0 + 3 * step
        for one, revision in ((fresh, 20), (stale, 20 - lag)):
            one.found[KEY_A] = at(revision, seq=revision)
            one.look(at_s)
    end_s = 1000.0 + 3 * len(lags)
    for now_s in (end_s, end_s + W_S / 2, end_s + W_S):
        if stale.claim(now_s) is Claim.SILENT:
            assert fresh.claim(now_s) is Claim.SILENT


def test_a_restored_store_counts_anew_for_every_record_that_went_back():
    """Lower revisions are other revisions."""
    bench = Bench()
    for step in range(1, 6):
        bench.write(A, controller("a1", seq=step))
        bench.look(1000.0 + step)
    bench.found[KEY_A] = at(12, seq=2)
    bench.found[hold_key(PAIRING)] = (to_json(replace(HELD_BY_A, epoch=6)), 11)
    bench.look(1015.0)
    seen = bench.sight.controller(A)
    assert seen is not None
    assert (seen.since_s, bench.sight.holds[PAIRING].since_s) == (1015.0, 1015.0)
    assert bench.claim(1015.0 + W_S - 0.01) is Claim.HELD


def test_a_restored_store_that_came_back_to_the_same_revision_counts_anew():
    """Revisions are handed out a second time after a restore: the record behind one may be another's."""
    bench = Bench()
    bench.found[KEY_A] = at(100, seq=50)
    bench.look(1001.0)
    bench.found[KEY_A] = at(100, "a2", seq=1)  # written after the restore, first seen now
    bench.look(1015.0)
    seen = bench.sight.controller(A)
    assert seen is not None
    assert seen.value is not None
    assert (seen.value.incarnation, seen.since_s) == ("a2", 1015.0)


# --- what the others say of themselves


def test_since_when_one_could_serve_counts_as_long_as_it_says_so_without_a_break():
    """A silence that ends its word ends that too."""

    def since(bench: Bench) -> float | None:
        return bench.sight.ready_since_s.get(A, {}).get(PAIRING)

    bench = Bench()
    assert since(bench) == 1000.0
    for at_s in (1001.0, 1010.0):
        bench.write(A, controller("a1", seq=int(at_s)))
        bench.look(at_s)
    bench.look(1020.0)
    assert since(bench) == 1000.0
    bench.write(A, controller("a1", seq=2000))
    bench.look(1010.0 + W_S)
    assert since(bench) == 1010.0 + W_S
    bench.write(A, controller("a1", seq=2001, ready=False))
    bench.look(1030.0)
    assert since(bench) is None
    bench.write(A, controller("a1", seq=2002))
    bench.look(1031.0)
    assert since(bench) == 1031.0
    bench.write(A, controller("a1", seq=2003, fenced=True))
    bench.look(1032.0)
    assert since(bench) is None
    bench.put(KEY_A, {"format": 2})
    bench.look(1033.0)
    assert since(bench) is None
