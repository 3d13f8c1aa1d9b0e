"""A timeline and a loop for its tests."""

from __future__ import annotations

import pytest

from nova_watchdog.simulation.loop import ControllerLoop
from nova_watchdog.simulation.timeline import Timeline


@pytest.fixture
def timeline() -> Timeline:
    """True time, at its begin."""
    return Timeline()


@pytest.fixture
def loop(timeline: Timeline) -> ControllerLoop:
    """The loop of one daemon."""
    return ControllerLoop(timeline, "ctl1")
