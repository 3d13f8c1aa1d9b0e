"""Whether a daemon may go on with the hold of the one before it: in doubt it begins anew, which kills."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.hold_bench import controller
from nova_watchdog.core.hold.resume import Handover, Terms, from_json, to_json, why_not_resumed
from nova_watchdog.core.hold.sight import Seen

HANDOVER = Handover("boot-1", "b1", 15.0, {"cluster-a": Terms(7, 100.5, None)})
OWN = Seen(controller("b1"), 12, 900.0)


def why_not(**changed):
    """Resumed at 1000 s with the deadline at 1010 s, but for what is changed."""
    facts: dict[str, Any] = {
        "handover": HANDOVER,
        "boot_id": "boot-1",
        "own": OWN,
        "elapses_at_s": 1010.0,
        "now_s": 1000.0,
    }
    return why_not_resumed(**(facts | changed))


def test_a_hold_goes_on_where_everything_shows_that_it_does():
    """Same boot, the same registration in both places, not fenced, the deadline waiting."""
    assert not why_not()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"handover": None}, "nothing is known"),
        ({"own": None}, "no record of this controller"),
        ({"own": Seen(None, 12, 900.0, "format is 2")}, "no record of this controller"),
        ({"own": Seen(None, 0, 900.0)}, "no record of this controller"),
        ({"boot_id": "boot-2"}, "rebooted"),
        ({"boot_id": ""}, "rebooted"),
        ({"own": Seen(controller("b2"), 12, 900.0)}, "another registration"),
        ({"own": Seen(controller("b1", fenced=True), 12, 900.0)}, "took over"),
        ({"handover": replace(HANDOVER, seq=2)}, "older record"),
        ({"handover": replace(HANDOVER, seq=10**6)}, "went back to an older record"),
        ({"elapses_at_s": None}, "not armed"),
        ({"elapses_at_s": 1000.0}, "has fired"),
        ({"elapses_at_s": 999.0}, "has fired"),
    ],
)
def test_each_thing_that_is_missing_ends_it_with_its_reason(changed, says):
    """One is enough."""
    assert says in why_not(**changed)


def test_a_deadline_that_still_waits_is_armed_to_its_last_moment():
    """It has not fired."""
    assert not why_not(elapses_at_s=1000.001)


def test_the_first_reason_is_told_where_there_are_several():
    """A reboot explains the rest."""
    assert "rebooted" in why_not(boot_id="boot-2", own=Seen(controller("b9", fenced=True), 1, 0.0))


def test_what_one_daemon_leaves_the_next_one_reads():
    """Through JSON, with and without a known death of the last holder."""
    both = replace(
        HANDOVER, terms={"a": Terms(1, 2.5, None), "b": Terms(9, 3.0, 1.25), "": Terms(0, 0.0, 0.0)}
    )
    for handover in (HANDOVER, both, replace(HANDOVER, terms={})):
        assert from_json(json.loads(json.dumps(to_json(handover)))) == handover


@pytest.mark.parametrize(
    "changed",
    [
        {"format": 2},
        {"format": None},
        {"deadline_s": "long"},
        {"deadline_s": None},
        {"seq": None},
        {"gives": None},
        {"gives": {"cluster-a": ["maintenance", "ctl-b"]}},
        {"gives": {"cluster-a": ["maintenance", "ctl-b", "yes"]}},
        {"terms": None},
        {"terms": ["cluster-a"]},
        {"terms": {"cluster-a": None}},
        {"terms": {"cluster-a": [7, 100.5]}},
        {"terms": {"cluster-a": [7, 100.5, None, 1]}},
        {"terms": {"cluster-a": ["seventh", 100.5, None]}},
        {"terms": {"cluster-a": [7, None, None]}},
        {"terms": {"cluster-a": [7, 100.5, "never"]}},
    ],
)
def test_a_file_that_cannot_be_read_is_no_handover(changed):
    """All begins anew then."""
    assert from_json(to_json(HANDOVER) | changed) is None


@pytest.mark.parametrize("field", ["format", "boot_id", "incarnation", "deadline_s", "seq", "terms"])
def test_a_file_that_lacks_a_field_is_no_handover(field):
    """Torn, or of another program."""
    value = to_json(HANDOVER)
    del value[field]
    assert from_json(value) is None
    assert from_json(None) is None
    assert from_json({}) is None


JUNK = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)


@settings(deadline=None)
@given(
    st.sampled_from(["boot_id", "incarnation", "deadline_s", "terms"]),
    JUNK | st.dictionaries(st.text(max_size=2), st.lists(JUNK, min_size=3, max_size=3), max_size=2),
)
@example("terms", {"cluster-a": [float("inf"), 1.0, None]})
def test_any_junk_in_the_file_is_read_or_is_no_handover(field, value):
    """A daemon that ends at every start by its own file never renews again."""
    from_json(to_json(HANDOVER) | {field: value})


@pytest.mark.parametrize(
    "changed",
    [
        {"deadline_s": float("nan")},  # max() with it is written into the record, which nobody reads then
        {"deadline_s": float("inf")},
        {"deadline_s": True},
        {"deadline_s": -1.0},
        {"incarnation": None},
        {"terms": {"cluster-a": [7, float("nan"), None]}},  # nothing is at or after it: no stop is a human's
    ],
)
def test_a_file_with_a_value_of_another_kind_is_no_handover(changed):
    """Half a hold is none."""
    assert from_json(to_json(HANDOVER) | changed) is None
