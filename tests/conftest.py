"""What all tests share: the running lab, and the rule that CI skips nothing."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest

from figures import FIGURES, Report
from lab.client import Lab
from lab.errors import LabError


@pytest.fixture(autouse=True)
def log_level() -> Iterator[None]:
    """A daemon that a test runs in this process sets the level of its log: for itself alone."""
    logger = logging.getLogger("nova_watchdog")
    before = logger.level
    yield
    logger.setLevel(before)


@pytest.fixture(scope="session")
def running_lab() -> Lab:
    """The lab that `make lab-up` started. Without one a test fails, it is never skipped."""
    try:
        return Lab.attach()
    except LabError as error:
        pytest.fail(f"this test needs the lab: {error}")


@pytest.fixture
def lab(running_lab: Lab) -> Iterator[Lab]:
    """The lab; whatever a test leaves broken is repaired after it."""
    yield running_lab
    running_lab.heal()


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Report:
    """Print a figure at the end of the run."""
    figures: list[str] = request.config.stash.setdefault(FIGURES, [])
    return figures.append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The figures; and say loudly what was skipped where nothing may be."""
    figures = terminalreporter.config.stash.get(FIGURES, [])
    if figures:
        terminalreporter.section("measured")
        for line in figures:
            terminalreporter.write_line(line)
    if _skips_forbidden(terminalreporter.stats.get("skipped", [])):
        terminalreporter.write_line("CI skips nothing: the skipped tests above fail this run", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In CI a skipped test is a failed run: a missing part must not hide."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus == 0 and reporter and _skips_forbidden(reporter.stats.get("skipped", [])):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _skips_forbidden(skipped: list[object]) -> bool:
    return bool(os.environ.get("CI")) and bool(skipped)
