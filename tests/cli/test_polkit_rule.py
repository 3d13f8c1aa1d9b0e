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


@pytest.mark.parametrize(
    "arguments",
    [
        ("StopUnit", "ss", LISTED, "fail"),
        ("RestartUnit", "ss", LISTED, "fail"),
        ("StartUnit", "ss", OTHER, "fail"),
        ("KillUnit", "ssi", "polkit.service", "all", SIGCONT),
        ("KillUnit", "ssi", "nova-watchdog.service", "all", SIGCONT),
        ("StartUnit", "ss", "nova-compute@other.service", "fail"),
        ("Reload",),
        ("MaskUnitFiles", "asbb", "1", LISTED, "true", "true"),
    ],
    ids=lambda arguments: " ".join(arguments[:3]),
)
def test_nothing_else_may_be_done(controller: ControllerHandle, arguments: tuple[str, ...]) -> None:
    """Neither another verb on a configured unit nor any verb on another unit."""
    answer = call(controller, *arguments)
    assert "authentication required" in answer or "Access denied" in answer
