"""A pairing's record survives the daemon, and a foreign one is refused without harm."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from nova_watchdog.core.errors import RecordError
from nova_watchdog.core.permission import Pause
from nova_watchdog.core.record import (
    FORMAT,
    TRANSITIONS_KEPT,
    from_record,
    key_of,
    to_record,
)
from nova_watchdog.core.snapshot import Transition
from nova_watchdog.core.state import PairingState, Phase, Start

STATE = PairingState(
    phase=Phase.RECOVERING,
    seen_running=True,
    starts=(Start(10.5, charged=True), Start(20.25, charged=False)),
    attempts=2,
    last_enable_at_s=30.0,
    last_kill_at_s=25.0,
    operator_disabled=True,
    pause=Pause("storage firmware", "alice", 1000.0, 2000.0),
)
EDGE = Transition(1.0, "process-down", "recovering", "R39", "because", "start", "unit=down")


def test_a_record_gives_back_what_was_put_in_through_json():
    """What the store keeps is JSON."""
    record = json.loads(json.dumps(to_record(STATE, (EDGE,), "boot-1")))
    assert from_record(record, "boot-1") == (STATE, (EDGE,))
    never = replace(STATE, last_enable_at_s=None)
    assert from_record(to_record(never, (), "boot-1"), "boot-1") == (never, ())


def test_after_a_reboot_the_phase_stands_and_monotonic_times_are_forgotten():
    """A time of another boot means nothing."""
    state, transitions = from_record(to_record(STATE, (EDGE,), "boot-1"), "boot-2")
    assert state == PairingState(phase=Phase.RECOVERING, pause=STATE.pause, operator_disabled=True)
    assert transitions == (EDGE,)
    given_up = to_record(replace(STATE, phase=Phase.GIVEN_UP), (), "boot-1")
    assert from_record(given_up, "boot-2")[0].phase is Phase.WATCHING


def test_a_record_of_an_earlier_version_has_neither_kill_nor_pause():
    """It was written before there were any."""
    record = to_record(STATE, (EDGE,), "boot-1")
    del record["last_kill_at_s"], record["pause"], record["transitions"][0]["readings"]
    state, (edge,) = from_record(record, "boot-1")
    assert (state.last_kill_at_s, state.pause, edge.readings) == (None, None, "")


def test_only_the_last_transitions_are_kept():
    """The record is bounded."""
    many = tuple(replace(EDGE, wall_s=float(i)) for i in range(TRANSITIONS_KEPT + 7))
    record = to_record(STATE, many, "boot-1")
    assert len(record["transitions"]) == TRANSITIONS_KEPT
    assert record["transitions"][-1]["wall_s"] == many[-1].wall_s


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": FORMAT + 1}, "this version reads"),
        ({"phase": "flying"}, "flying"),
        ({"starts": [["soon", True]]}, "ValueError"),
        ({"transitions": [{"wall_s": 1}]}, "TypeError"),
        ({"attempts": None}, "TypeError"),
        ({"pause": {"reason": "x", "by": "y", "began_wall_s": 1.0, "until_wall_s": "soon"}}, "ValueError"),
    ],
)
def test_a_foreign_record_is_refused_with_its_reason(change, says):
    """It is never half read."""
    record = to_record(STATE, (EDGE,), "boot-1") | change
    with pytest.raises(RecordError, match=says):
        from_record(record, "boot-1")


def test_a_record_that_lacks_a_field_is_refused():
    """Torn or written by something else."""
    record = to_record(STATE, (), "boot-1")
    del record["boot_id"]
    with pytest.raises(RecordError, match="boot_id"):
        from_record(record, "boot-1")


def test_the_key_names_the_pairing():
    """Operators read the store."""
    assert key_of("cluster-a") == "pairings/cluster-a"
