"""The records of holding as JSON: what is written, what is read back, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.hold_golden import (
    CONTROLLER_JSON,
    FIRST_CONTROLLER_JSON,
    FIRST_HOLD_JSON,
    FIRST_RELEASED_JSON,
    FIRST_RUN_JSON,
    HOLD_JSON,
    RELEASED_JSON,
    RUN_JSON,
)
from nova_watchdog.core.errors import RecordError
from nova_watchdog.core.hold import resume
from nova_watchdog.core.hold.decide import Give
from nova_watchdog.core.hold.records import (
    MAX_DEADLINE_S,
    MAX_KILL_S,
    ControllerRecord,
    HoldRecord,
    Vantage,
    controller_key,
    controller_of,
    hold_key,
    hold_of,
    to_json,
)
from nova_watchdog.core.hold.resume import Handover, Terms

CONTROLLER = ControllerRecord(
    incarnation="5f0c",
    seq=41,
    deadline_s=15.0,
    kill_s=2.0,
    version="1.2.3",
    writer="77aa",
    vantages={
        "cluster-a": Vantage(ready=True, identity={"host": "nova-a"}, unproven=("bus",), serves=True),
        "cluster-b": Vantage(
            ready=False, reason="no canary passed", failing=("vcenter", "compute_id"), unproven=()
        ),
    },
    priority=10,
)
HOLD = HoldRecord(
    "ctl-a",
    "5f0c",
    7,
    stopped=True,
    moves=(1700000000.5, 1700000100.0),
    failed={"ctl-c": 1700000100.0},
)
RELEASED = HoldRecord("", "", 7, successor="ctl-b", accepted=("compute_id",))
HANDOVER = Handover(
    "boot-1",
    "5f0c",
    15.0,
    {"cluster-a": Terms(7, 100.5, None), "cluster-b": Terms(2, 200.0, 180.25)},
    seq=412,
    gives={"cluster-b": Give("maintenance", "ctl-b", by_human=True, accept=("compute_id",))},
    stops=("cluster-b",),
)


def test_the_golden_records_are_what_is_written():
    """Field by field, types too."""
    assert json.loads(json.dumps(to_json(CONTROLLER))) == json.loads(CONTROLLER_JSON)
    assert json.loads(json.dumps(to_json(HOLD))) == json.loads(HOLD_JSON)
    assert json.loads(json.dumps(to_json(RELEASED))) == json.loads(RELEASED_JSON)
    assert json.loads(json.dumps(resume.to_json(HANDOVER))) == json.loads(RUN_JSON)


def test_the_golden_records_are_read():
    """By this version and by every later one."""
    assert controller_of(json.loads(CONTROLLER_JSON)) == CONTROLLER
    assert hold_of(json.loads(HOLD_JSON)) == HOLD
    assert hold_of(json.loads(RELEASED_JSON)) == RELEASED
    assert resume.from_json(json.loads(RUN_JSON)) == HANDOVER


def test_what_the_first_version_wrote_is_read():
    """A field that it did not know has the value that says nothing."""
    vantages = {
        "cluster-a": Vantage(ready=True),
        "cluster-b": Vantage(ready=False, reason="no canary passed"),
    }
    assert controller_of(json.loads(FIRST_CONTROLLER_JSON)) == replace(
        CONTROLLER, vantages=vantages, priority=0
    )
    assert hold_of(json.loads(FIRST_HOLD_JSON)) == replace(HOLD, failed={})
    assert hold_of(json.loads(FIRST_RELEASED_JSON)) == replace(RELEASED, accepted=())
    gives = {"cluster-b": replace(HANDOVER.gives["cluster-b"], accept=())}
    assert resume.from_json(json.loads(FIRST_RUN_JSON)) == replace(HANDOVER, gives=gives, stops=())


def test_what_is_written_now_is_all_that_the_first_version_asked_for():
    """It reads the new records too: what it knew is there, and of the same kind."""
    pairs = (
        (FIRST_CONTROLLER_JSON, CONTROLLER_JSON),
        (FIRST_HOLD_JSON, HOLD_JSON),
        (FIRST_RELEASED_JSON, RELEASED_JSON),
        (FIRST_RUN_JSON, RUN_JSON),
    )
    for first, now in pairs:
        before, after = json.loads(first), json.loads(now)
        assert {key: type(value) for key, value in before.items()} == {
            key: type(after[key]) for key in before
        }
    assert json.loads(RUN_JSON)["gives"] == json.loads(FIRST_RUN_JSON)["gives"]


def test_fields_that_are_not_known_are_left_alone():
    """A newer daemon of the same format may say more."""
    more = {"load": 0.5, "nested": {"a": [1, None]}}
    assert controller_of(json.loads(CONTROLLER_JSON) | more) == CONTROLLER
    assert hold_of(json.loads(HOLD_JSON) | more) == HOLD
    assert resume.from_json(json.loads(RUN_JSON) | more) == HANDOVER
    said = json.loads(CONTROLLER_JSON)
    said["vantages"]["cluster-a"]["since"] = 5
    assert controller_of(said) == CONTROLLER


def test_a_controller_may_leave_out_what_it_says_of_itself():
    """Its version, writer and vantages grant nothing: without them it is no successor."""
    short = json.loads(CONTROLLER_JSON)
    del short["version"], short["writer"], short["vantages"]
    assert controller_of(short) == replace(CONTROLLER, version="", writer="", vantages={})


@pytest.mark.parametrize("field", ["format", "incarnation", "seq", "deadline_s", "kill_s", "fenced"])
def test_a_controller_record_that_lacks_a_field_is_refused(field):
    """Torn, or written by something else."""
    record = json.loads(CONTROLLER_JSON)
    del record[field]
    with pytest.raises(RecordError, match=field):
        controller_of(record)


@pytest.mark.parametrize(
    "field", ["format", "holder", "incarnation", "epoch", "successor", "stopped", "moves"]
)
def test_a_hold_record_that_lacks_a_field_is_refused(field):
    """A default would be somebody's hold."""
    record = json.loads(HOLD_JSON)
    del record[field]
    with pytest.raises(RecordError, match=field):
        hold_of(record)


NAMES = st.text(min_size=1, max_size=10)


def seconds(most: float) -> st.SearchStrategy[float]:
    return st.floats(0.001, most)


VANTAGES = st.builds(
    Vantage,
    ready=st.booleans(),
    reason=st.text(max_size=10),
    failing=st.lists(NAMES, max_size=2).map(tuple),
    unproven=st.lists(NAMES, max_size=2).map(tuple),
    serves=st.booleans(),
)
WALL_S = st.floats(-1e12, 1e12)


@settings(deadline=None)
@given(
    st.builds(
        ControllerRecord,
        NAMES,
        st.integers(0, 2**63),
        seconds(MAX_DEADLINE_S),
        seconds(MAX_KILL_S),
        st.booleans(),
        st.text(max_size=8),
        st.text(max_size=8),
        st.dictionaries(NAMES, VANTAGES, max_size=3),
        st.integers(-100, 100),
        st.integers(0, 9),
    ),
    st.builds(
        HoldRecord,
        NAMES,
        NAMES,
        st.integers(0, 2**63),
        st.text(max_size=8),
        st.booleans(),
        st.lists(WALL_S, max_size=20).map(tuple),
        st.lists(NAMES, max_size=2).map(tuple),
        st.dictionaries(NAMES, WALL_S, max_size=3),
    ),
)
def test_what_is_written_is_read_back_through_json(controller, hold):
    """Whatever the names are."""
    assert controller_of(json.loads(json.dumps(to_json(controller)))) == controller
    assert hold_of(json.loads(json.dumps(to_json(hold)))) == hold


def test_only_the_last_moves_are_kept():
    """The record is bounded, and it is the oldest that go."""
    many = replace(HOLD, moves=tuple(float(at_s) for at_s in range(50)))
    assert to_json(many)["moves"] == [float(at_s) for at_s in range(30, 50)]
    failed = {f"ctl-{number}": float(number) for number in range(50)}
    assert set(to_json(replace(HOLD, failed=failed))["failed"]) == {f"ctl-{n}" for n in range(30, 50)}


def test_the_keys_name_the_controller_and_the_pairing():
    """Operators read the store."""
    assert controller_key("ctl-a") == "controllers/ctl-a"
    assert hold_key("cluster-a") == "holds/cluster-a"
