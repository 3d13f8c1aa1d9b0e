"""Policies with broken inequalities are told, and budgets stay bounded."""

from __future__ import annotations

import pytest

from core.builders import POLICY
from nova_watchdog.core import budget
from nova_watchdog.core.budget import Pace
from nova_watchdog.core.policy import Policy
from nova_watchdog.core.state import PairingState


def test_the_defaults_hold():
    """They ship."""
    assert Policy().problems() == []


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"restart_budget": 0}, "restart_budget"),
        ({"restart_backoff_s": ()}, "restart_backoff_s"),
        ({"restart_backoff_s": (5.0, 1.0)}, "restart_backoff_s"),
        ({"restart_backoff_s": (-1.0,)}, "restart_backoff_s"),
        ({"restart_window_s": 60.0}, "restart_window_s"),
        ({"heartbeat_stale_s": 29.0}, "heartbeat_stale_s"),
        ({"hang_hold_s": 10.0}, "hang_hold_s"),
        ({"vcenter_idle_s": 59.0}, "vcenter_idle_s"),
        ({"datastore_free_min": 1.0}, "datastore_free_min"),
        ({"action_spacing_s": -1.0}, "action_spacing_s"),
        ({"tick_s": 0.0}, "tick_s"),
        ({"tick_s": 11.0}, "tick_s"),
    ],
)
def test_a_broken_bound_names_its_key_and_what_is_allowed(changed, key):
    """One line each, for the operator."""
    problems = Policy(**changed).problems()
    assert [p[0] for p in problems] == [key]
    assert all(wrong and allowed for _, wrong, allowed in problems)


def test_starts_leave_the_window():
    """A budget comes back with time."""
    state = budget.with_start(PairingState(), POLICY, 0.0, charged=True)
    assert budget.starts_left(state, POLICY, 1.0) == POLICY.restart_budget - 1
    assert budget.starts_left(state, POLICY, POLICY.restart_window_s) == POLICY.restart_budget


def test_the_record_of_starts_is_bounded():
    """Also when they cost nothing."""
    state = PairingState()
    for i in range(1000):
        state = budget.with_start(state, POLICY, float(i), charged=False)
    assert len(state.starts) <= 2 * POLICY.restart_budget + len(POLICY.restart_backoff_s)


def test_the_first_start_has_no_pause_by_default():
    """A crash is mended at once."""
    assert budget.start_pace(PairingState(), POLICY, 0.0) is Pace.READY


def test_a_refund_without_a_start_changes_nothing():
    """After a reboot the starts are forgotten while the phase is not."""
    assert budget.refunded(PairingState()) == PairingState()
