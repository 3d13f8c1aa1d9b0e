"""What the polkit rule lets the daemon's user do, asked of a real systemd and polkitd in a controller."""

from __future__ import annotations

import pytest

from lab.client.controller import ControllerHandle
from lab.paths import Paths

pytestmark = pytest.mark.lab

MANAGER = ("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager")
LISTED = "nova-compute@cluster-a.service"
SIGCONT = "18"
OTHER = "nova-watchdog-probe.service"
# A moment far away: it is stopped long before.
DEADLINE = "nova-watchdog-deadline@900000000000.timer"


@pytest.fixture
def controller() -> ControllerHandle:
    """The lab's first controller."""
    return ControllerHandle(Paths.from_environment(), "ctl1")


def call(controller: ControllerHandle, *arguments: str) -> str:
    """What systemd answers to the daemon's user, "" without an error."""
    done = controller.run(
        ["busctl", "call", "--allow-interactive-authorization=no", *MANAGER, *arguments],
        user="nova-watchdog",
        check=False,
    )
    return "" if done.returncode == 0 else done.stderr


def test_a_configured_unit_may_be_started_and_reset(controller: ControllerHandle) -> None:
    """The two verbs that a restart needs. The unit runs already: nothing happens to it."""
    assert call(controller, "StartUnit", "ss", LISTED, "fail") == ""
    assert call(controller, "ResetFailedUnit", "s", LISTED) == ""


def test_a_configured_unit_may_be_sent_a_signal(controller: ControllerHandle) -> None:
    """SIGCONT changes nothing in a process that runs."""
    assert call(controller, "KillUnit", "ssi", LISTED, "all", SIGCONT) == ""


def test_a_configured_unit_may_be_stopped(controller: ControllerHandle) -> None:
    """systemd itself refuses this mode, but only after polkit was asked: nothing happens to the unit."""
    assert "Isolate is only valid for start" in call(controller, "StopUnit", "ss", LISTED, "isolate")


def test_a_configured_unit_may_be_restarted_where_it_runs(controller: ControllerHandle) -> None:
    """As a stop: systemd refuses this mode after polkit was asked."""
    answer = call(controller, "TryRestartUnit", "ss", LISTED, "isolate")
    assert "Isolate is only valid for start" in answer


def test_a_deadline_may_be_set_and_taken_back(controller: ControllerHandle) -> None:
    """An instance whose name is a number, by exactly these two verbs."""
    assert call(controller, "StartUnit", "ss", DEADLINE, "replace") == ""
    assert call(controller, "StopUnit", "ss", DEADLINE, "replace") == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("RestartUnit", "ss", LISTED, "fail"),
        ("TryRestartUnit", "ss", OTHER, "fail"),
        ("StartUnit", "ss", OTHER, "fail"),
        ("KillUnit", "ssi", "polkit.service", "all", SIGCONT),
        ("KillUnit", "ssi", "nova-watchdog.service", "all", SIGCONT),
        ("StartUnit", "ss", "nova-compute@other.service", "fail"),
        ("Reload",),
        ("MaskUnitFiles", "asbb", "1", LISTED, "true", "true"),
        ("StartUnit", "ss", "nova-watchdog-deadline@x1.timer", "replace"),
        ("StartUnit", "ss", "nova-watchdog-deadline@1.service", "replace"),
        ("StartUnit", "ss", "nova-watchdog-deadline.service", "replace"),
        ("StopUnit", "ss", "nova-watchdog-deadline.service", "replace"),
        ("RestartUnit", "ss", DEADLINE, "replace"),
        ("StopUnit", "ss", OTHER, "replace"),
    ],
    ids=lambda arguments: " ".join(arguments[:3]),
)
def test_nothing_else_may_be_done(controller: ControllerHandle, arguments: tuple[str, ...]) -> None:
    """Neither another verb on a configured unit nor any verb on another unit."""
    answer = call(controller, *arguments)
    assert "authentication required" in answer or "Access denied" in answer
