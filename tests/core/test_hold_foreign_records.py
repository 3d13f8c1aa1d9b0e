"""A record that is not one of this version is refused, and no more than that comes of it."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.hold_golden import CONTROLLER_JSON, HOLD_JSON
from nova_watchdog.core.errors import RecordError
from nova_watchdog.core.hold.records import controller_of, hold_of


@pytest.mark.parametrize("version", [None, 0, 2, "1", [], {}, -1, 1.5])
def test_another_format_is_refused_with_what_is_read(version):
    """A newer daemon's record must not be half understood."""
    for read, golden in ((controller_of, CONTROLLER_JSON), (hold_of, HOLD_JSON)):
        with pytest.raises(RecordError, match=r"this version reads 1"):
            read(json.loads(golden) | {"format": version})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("incarnation", ""),
        ("incarnation", None),
        ("incarnation", 5),
        ("incarnation", ["5f0c"]),
        ("seq", None),
        ("seq", -1),
        ("writer", None),
        ("writer", 5),
        ("seq", "many"),
        ("seq", [1]),
        ("seq", float("nan")),
        ("deadline_s", 0),
        ("deadline_s", -15.0),
        ("deadline_s", 300.1),
        ("deadline_s", float("nan")),
        ("deadline_s", float("inf")),
        ("deadline_s", None),
        ("deadline_s", {}),
        ("kill_s", 0.0),
        ("kill_s", float("nan")),
        ("kill_s", "soon"),
        ("kill_s", 60.1),
        ("fenced", 0),
        ("fenced", "false"),
        ("fenced", None),
        ("vantages", None),
        ("vantages", 5),
        ("vantages", ["cluster-a"]),
        ("vantages", {"cluster-a": None}),
        ("vantages", {"cluster-a": True}),
        ("vantages", {"cluster-a": []}),
        ("vantages", {"cluster-a": {"reason": "fine"}}),
        ("vantages", {"cluster-a": {"ready": 1}}),
        ("vantages", {"cluster-a": {"ready": {"ready": True}}}),
    ],
)
def test_a_foreign_controller_record_is_refused(field, value):
    """It is never half read: whoever it is, nobody takes from it."""
    with pytest.raises(RecordError):
        controller_of(json.loads(CONTROLLER_JSON) | {field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epoch", None),
        ("epoch", -1),
        ("epoch", "seventh"),
        ("epoch", float("nan")),
        ("epoch", {}),
        ("stopped", 1),
        ("stopped", "no"),
        ("stopped", None),
        ("moves", None),
        ("moves", 5),
        ("moves", ["yesterday"]),
        ("moves", [[1.0]]),
        ("moves", [None]),
    ],
)
def test_a_foreign_hold_record_is_refused(field, value):
    """It is never half read."""
    with pytest.raises(RecordError):
        hold_of(json.loads(HOLD_JSON) | {field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [("seq", float("inf")), ("deadline_s", 10**400), ("kill_s", -(10**400)), ("seq", float("-inf"))],
    ids=["inf", "huge", "hugely negative", "-inf"],
)
def test_a_controller_record_with_a_huge_number_is_refused_and_ends_nobody(field, value):
    """JSON has 1e999, and Python reads it as infinity: any other error would end every daemon at once."""
    with pytest.raises(RecordError):
        controller_of(json.loads(CONTROLLER_JSON) | {field: value})


@pytest.mark.parametrize(
    ("field", "value"), [("epoch", float("inf")), ("moves", [10**400])], ids=["epoch", "moves"]
)
def test_a_hold_record_with_a_huge_number_is_refused_and_ends_nobody(field, value):
    """One key in the store must not end the daemons of all controllers."""
    with pytest.raises(RecordError):
        hold_of(json.loads(HOLD_JSON) | {field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("holder", None),  # read as the controller "None", which nobody is: it looks held by one that is gone
        ("holder", 5),
        ("incarnation", None),  # read as "None", which is no registration of the holder: free to take
        ("incarnation", 0),
        ("incarnation", ""),  # of a holder that has a name: free to take
        ("successor", None),
        ("successor", ["ctl-b"]),
        ("epoch", True),
        ("epoch", 7.9),
        ("epoch", "7"),
        ("moves", "12"),
        ("moves", {"1": 2}),
        ("moves", [True]),
        ("moves", [float("nan")]),  # never counts against the budget
        ("moves", [float("inf")]),  # counts for ever
    ],
)
def test_a_hold_record_with_a_value_of_another_kind_is_refused(field, value):
    """A hold that is misread as free is taken from one who lives."""
    with pytest.raises(RecordError):
        hold_of(json.loads(HOLD_JSON) | {field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seq", True),
        ("seq", 1.5),
        ("seq", "41"),
        ("deadline_s", True),  # read as one second: a takeover after four
        ("deadline_s", "15"),
        ("kill_s", True),
    ],
)
def test_a_controller_record_with_a_value_of_another_kind_is_refused(field, value):
    """A deadline that is misread as a short one is a takeover from one who lives."""
    with pytest.raises(RecordError):
        controller_of(json.loads(CONTROLLER_JSON) | {field: value})


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from([10**400, "ctl-a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)
@given(st.sampled_from(sorted(json.loads(CONTROLLER_JSON) | json.loads(HOLD_JSON))), JUNK)
@example("seq", float("inf"))
def test_any_junk_in_any_field_is_read_or_refused_as_a_record(field, value):
    """No other exception, whatever JSON holds."""
    for read, golden in ((controller_of, CONTROLLER_JSON), (hold_of, HOLD_JSON)):
        with contextlib.suppress(RecordError):
            read(json.loads(golden) | {field: value})


def test_a_deeply_nested_value_is_refused_or_read_as_text():
    """As deep as JSON is read at all."""
    deep: object = []
    for _ in range(300):
        deep = [deep]
    with pytest.raises(RecordError):
        controller_of(json.loads(CONTROLLER_JSON) | {"incarnation": deep})
    with pytest.raises(RecordError):
        hold_of(json.loads(HOLD_JSON) | {"moves": deep})
