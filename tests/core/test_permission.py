"""Who may say that nothing is done, and until when."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.builders import PAIRING, Bench, killed, observation
from nova_watchdog.core.decide import decide
from nova_watchdog.core.model import Mode
from nova_watchdog.core.permission import Pause, Permission, permission_of

PAUSE = Pause("storage firmware", "alice", 1000.0, 2000.0)


@pytest.mark.parametrize(
    ("mode", "pause", "window", "wall_s", "expected"),
    [
        (Mode.PROTECT, None, "", 1500.0, Permission.PROTECT),
        (Mode.OBSERVE, PAUSE, "weekly", 1500.0, Permission.OBSERVE),
        (Mode.PROTECT, PAUSE, "weekly", 1500.0, Permission.PAUSED),
        (Mode.PROTECT, PAUSE, "weekly", 2000.0, Permission.MAINTENANCE),
        (Mode.PROTECT, PAUSE, "", 2000.0, Permission.PROTECT),
    ],
)
def test_the_strongest_reason_is_told(mode, pause, window, wall_s, expected):
    """A pause ends by itself."""
    assert permission_of(mode, pause, window, wall_s) is expected


@pytest.mark.parametrize(
    ("permission", "rule"),
    [
        (Permission.OBSERVE, "R30"),
        (Permission.PAUSED, "R31"),
        (Permission.MAINTENANCE, "R32"),
        (Permission.NO_RECORD, "R09"),
    ],
)
def test_a_dead_process_is_left_down_and_the_reason_is_said(permission, rule):
    """Whoever looks in the night must see why nothing happens."""
    bench = Bench()
    bench.healthy_at(150)
    seen = observation(200.1, killed(200))
    decision = decide(PAIRING, bench.state, seen, bench.memory, bench.policy, 200.1, permission=permission)
    assert (decision.rule.number, decision.actions) == (rule, ())


def test_the_bench_knows_a_pause():
    """The state carries it, and the loop asks for the permission with it."""
    bench = Bench()
    bench.healthy_at(150)
    bench.state = replace(bench.state, pause=PAUSE)
    assert bench.see(observation(200.1, killed(200)), 200.1).rule.number == "R31"
