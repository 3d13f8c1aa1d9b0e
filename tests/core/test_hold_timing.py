"""The times of holding: what the settings allow keeps the inequality of docs/safety.md."""

from __future__ import annotations

import math
from dataclasses import fields
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.hold_bench import controller
from nova_watchdog.core.hold.records import MAX_DEADLINE_S, MAX_KILL_S, controller_of, to_json
from nova_watchdog.core.hold.timing import CLOCK_RATE, Timing, deadline_after, is_armed, takeover_wait_s


def seconds(least: float, most: float) -> st.SearchStrategy[float]:
    return st.floats(least, most, allow_nan=False, allow_infinity=False)


def keeps_the_inequality(wait_s: float, deadline_s: float, kill_s: float) -> bool:
    """W(1-rho) >= D(1+rho) + kill, by exact arithmetic on what the floats are."""
    rate = Fraction(1, 1000)
    return Fraction(wait_s) * (1 - rate) >= Fraction(deadline_s) * (1 + rate) + Fraction(kill_s)


def test_the_defaults_hold_and_wait_what_the_docs_say():
    """They ship, and docs/safety.md names their W."""
    assert Timing().problems() == []
    assert Timing().takeover_wait_s == pytest.approx(17.93, abs=0.005)
    assert CLOCK_RATE == 0.001


@given(seconds(0.1, 60), seconds(0.1, 60), seconds(0.1, 300), seconds(0.01, 60), seconds(0.1, 300))
@example(3.0, 3.0, MAX_DEADLINE_S, MAX_KILL_S, 0.1)
def test_settings_of_a_usual_size_keep_the_inequality(renew_s, timeout_s, deadline_s, kill_s, margin_s):
    """Five minutes of D and one of killing, with the least margin: what `problems` lets pass is safe."""
    timing = Timing(renew_s, timeout_s, deadline_s, kill_s, margin_s)
    if not timing.problems():
        assert keeps_the_inequality(timing.takeover_wait_s, deadline_s, kill_s)


@given(seconds(0.1, 1e5), seconds(0.1, 1e5), seconds(0.1, 1e6), seconds(0.01, 1e5), seconds(0.01, 1e3))
@example(3.0, 3.0, 15.0, 100.0, 0.1)
@example(3.0, 3.0, 60_000.0, 2.0, 0.1)
def test_whatever_the_settings_allow_keeps_the_inequality(renew_s, timeout_s, deadline_s, kill_s, margin_s):
    """Whatever somebody may write into the file: a kill that takes minutes, a D of a day."""
    timing = Timing(renew_s, timeout_s, deadline_s, kill_s, margin_s)
    if not timing.problems():
        assert keeps_the_inequality(timing.takeover_wait_s, deadline_s, kill_s)


@given(seconds(0.001, MAX_DEADLINE_S), seconds(0.001, MAX_KILL_S), seconds(0.1, 300))
@example(MAX_DEADLINE_S, MAX_KILL_S, 0.1)
def test_every_record_that_can_be_read_keeps_the_inequality_with_any_margin(deadline_s, kill_s, margin_s):
    """The holder's configuration is another one's; the margin is the reader's own."""
    record = controller_of(to_json(controller("a1", deadline_s=deadline_s, kill_s=kill_s)))
    wait_s = takeover_wait_s(record.deadline_s, record.kill_s, margin_s)
    assert keeps_the_inequality(wait_s, deadline_s, kill_s)


@given(seconds(1, 600), seconds(0.01, 60), seconds(0.1, 5), st.sampled_from([-1, 0, 1]), st.booleans())
def test_the_holder_is_dead_before_the_takeover_whatever_both_clocks_do(
    deadline_s, kill_s, margin_s, holders_rate, standby_is_fast
):
    """The same in real time, worst first: a slow clock at the holder, a fast one at the standby."""
    holder_runs_at = 1 + CLOCK_RATE * holders_rate
    standby_runs_at = 1 + CLOCK_RATE * (1 if standby_is_fast else -1)
    dead_after_s = deadline_s / holder_runs_at + kill_s
    taken_after_s = takeover_wait_s(deadline_s, kill_s, margin_s) / standby_runs_at
    assert taken_after_s >= dead_after_s


@pytest.mark.parametrize(
    ("changed", "key", "allowed"),
    [
        ({"renew_s": 0.0}, "renew_s", "more than 0"),
        ({"renew_s": -1.0}, "renew_s", "more than 0"),
        ({"timeout_s": 0.0}, "timeout_s", "more than 0"),
        ({"kill_s": -0.5}, "kill_s", "more than 0"),
        ({"margin_s": 0.0999}, "margin_s", "0.1 to 300"),
        ({"margin_s": -3.0}, "margin_s", "0.1 to 300"),
        ({"margin_s": 300.1}, "margin_s", "0.1 to 300"),
        ({"kill_s": 60.1}, "kill_s", "more than 0, at most 60"),
        ({"deadline_s": 300.1}, "deadline_s", "more than 0, at most 300"),
        ({"deadline_s": 12.0}, "deadline_s", "more than 3 renew_s + timeout_s (12)"),
        ({"renew_s": 5.0}, "deadline_s", "more than 3 renew_s + timeout_s (18)"),
        ({"timeout_s": 6.0}, "deadline_s", "one lost request must cost nothing"),
    ],
)
def test_a_broken_bound_names_its_key_what_is_wrong_and_what_is_allowed(changed, key, allowed):
    """One line for the operator, and only the one."""
    timing = Timing(**changed)
    ((found_key, wrong, found_allowed),) = timing.problems()
    assert found_key == key
    assert wrong == f"is {getattr(timing, key):g}"
    assert allowed in found_allowed


def test_a_deadline_just_above_the_bound_is_allowed():
    """The bound itself is not: the last attempt must end before D, not at it."""
    assert Timing(deadline_s=math.nextafter(12.0, 13.0)).problems() == []
    assert Timing(margin_s=0.1).problems() == []
    assert Timing(30.0, 10.0, MAX_DEADLINE_S, MAX_KILL_S, 300.0).problems() == []


def test_every_mistake_is_told_at_once():
    """Nobody mends a file one line at a time."""
    keys = [key for key, _, _ in Timing(0.0, 0.0, 0.0, 0.0, 0.0).problems()]
    assert set(keys) == {one.name for one in fields(Timing)}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *((one.name, math.nan) for one in fields(Timing)),
        ("deadline_s", math.inf),
        ("kill_s", math.inf),
        ("margin_s", math.inf),
    ],
)
def test_what_is_no_time_is_named(key, value):
    """TOML has nan and inf."""
    assert key in {found for found, _, _ in Timing(**{key: value}).problems()}


@pytest.mark.parametrize("changed", [{"deadline_s": 86400.0}, {"kill_s": 90000.0, "margin_s": 200.0}])
def test_settings_that_no_other_controller_would_read_are_refused(changed):
    """Its record would be unreadable to all others, so nobody would ever take over from it."""
    assert Timing(**changed).problems()


def test_the_wait_is_of_the_holders_times_and_grows_with_each_of_them():
    """It may run another configuration."""
    base_s = takeover_wait_s(15.0, 2.0, 0.9)
    assert takeover_wait_s(60.0, 2.0, 0.9) == pytest.approx(base_s + 45 * 1.001 / 0.999)
    assert takeover_wait_s(15.0, 5.0, 0.9) == pytest.approx(base_s + 3 / 0.999)
    assert takeover_wait_s(15.0, 2.0, 1.9) == pytest.approx(base_s + 1)


@given(seconds(0, 1e6), seconds(0, 1e6), seconds(0.1, 600))
def test_the_deadline_counts_from_before_the_request_was_sent(sent_s, took_s, deadline_s):
    """However long the answer took, and whatever clock it came by."""
    assert deadline_after(sent_s, sent_s + took_s, deadline_s) == sent_s + deadline_s


@pytest.mark.parametrize(
    ("elapses_at_s", "serving", "armed"),
    [
        (100.0, False, True),
        (99.0, False, True),
        (100.001, False, False),
        (None, False, False),
        (99.0, True, False),
        (None, True, False),
    ],
)
def test_a_deadline_is_armed_only_where_systemd_shows_it_waiting_early_enough(elapses_at_s, serving, armed):
    """An elapse while its service still runs is swallowed."""
    assert is_armed(elapses_at_s, 100.0, serving=serving) is armed
