"""A timeline and a loop for its tests; what they find out is printed at the end of the run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nova_watchdog.simulation.loop import ControllerLoop
from nova_watchdog.simulation.timeline import Timeline

Report = Callable[[str], None]
FIGURES = pytest.StashKey[list[str]]()


@pytest.fixture
def timeline() -> Timeline:
    """True time, at its begin."""
    return Timeline()


@pytest.fixture
def loop(timeline: Timeline) -> ControllerLoop:
    """The loop of one daemon."""
    return ControllerLoop(timeline, "ctl1")


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Report:
    """Print a figure at the end of the run."""
    figures: list[str] = request.config.stash.setdefault(FIGURES, [])
    return figures.append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The figures."""
    figures = terminalreporter.config.stash.get(FIGURES, [])
    if figures:
        terminalreporter.section("found in the simulation")
        for line in figures:
            terminalreporter.write_line(line)
