"""What a new loop, or a new daemon, knows of what the one before it did and saw."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.builders import PAIRING
from nova_watchdog.core.budget import last_action_at_s
from nova_watchdog.core.memory import Memory, carried_over
from nova_watchdog.core.state import PairingState, Start

MEMORY = Memory(
    watching_since_s=1.0,
    heartbeat_at_s=90.0,
    vcenter_ok_since_s=10.0,
    vcenter_held_s=80.0,
    unanswered_since_s=50.0,
    unanswered_held_s=40.0,
)


def test_the_same_remote_sides_leave_a_memory_as_it_is():
    """Only a threshold changed."""
    assert carried_over(MEMORY, PAIRING, replace(PAIRING, name="new")) == MEMORY


@pytest.mark.parametrize("change", [{"vcenter": "vc2:443"}, {"cluster": "DC0_C9"}])
def test_how_long_another_vcenter_or_cluster_was_fine_says_nothing_of_the_new_one(change):
    """A start would otherwise not wait until it has held for a moment."""
    memory = carried_over(MEMORY, PAIRING, replace(PAIRING, **change))
    assert (memory.vcenter_ok_since_s, memory.vcenter_held_s) == (None, 0.0)
    assert (memory.heartbeat_at_s, memory.unanswered_held_s) == (90.0, 40.0)


def test_pings_over_another_bus_are_no_part_of_a_run():
    """The new bus has still to show that it is proven."""
    memory = carried_over(MEMORY, PAIRING, replace(PAIRING, bus="rabbit://other:5672/"))
    assert (memory.unanswered_since_s, memory.unanswered_held_s) == (None, 0.0)
    assert (memory.heartbeat_at_s, memory.vcenter_held_s) == (90.0, 80.0)


@pytest.mark.parametrize(
    ("starts", "kill_s", "expected_s"),
    [((), None, None), ((5.0, 8.0), None, 8.0), ((), 7.0, 7.0), ((5.0,), 7.0, 7.0), ((9.0,), 7.0, 9.0)],
)
def test_the_last_action_is_the_last_start_or_kill_of_the_record(starts, kill_s, expected_s):
    """The neighbours keep their distance from it after a restart of the daemon too."""
    state = PairingState(starts=tuple(Start(at_s, charged=True) for at_s in starts), last_kill_at_s=kill_s)
    assert last_action_at_s(state) == expected_s
