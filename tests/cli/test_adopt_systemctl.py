"""What `adopt` asks of systemctl, and what becomes of its refusals; and the page about all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.preflight_bench import LOCAL, checks
from nova_watchdog.adopt import machine
from nova_watchdog.adopt.machine import Systemctl
from nova_watchdog.core.model import Unknown
from nova_watchdog.ports import ActionRefusedError


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """A systemctl that notes its arguments, and fails or hangs for some units."""
    program = tmp_path / "systemctl"
    program.write_text(
        "#!/bin/sh\n"
        f'echo "$@" >> {tmp_path}/asked\n'
        'case "$*" in *bad*) echo "Unit file bad.service does not exist." >&2; exit 1;; esac\n'
        'case "$*" in *slow*) exec sleep 9;; esac\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path / "asked"


def test_each_call_is_one_command(asked):
    """Nothing that starts or stops."""
    systemctl = Systemctl()
    systemctl.disable("nova-compute@a.service")
    systemctl.enable("nova-compute@a.service", at_runtime=False)
    systemctl.enable("b.service", at_runtime=True)
    systemctl.reload()
    assert asked.read_text().splitlines() == [
        "disable nova-compute@a.service",
        "enable nova-compute@a.service",
        "enable --runtime b.service",
        "daemon-reload",
    ]


def test_a_refusal_is_told_in_systemd_s_words(asked):
    """And which command it was."""
    with pytest.raises(ActionRefusedError, match=r"systemctl disable bad\.service: Unit file bad"):
        Systemctl().disable("bad.service")
    assert asked.exists()


def test_a_systemctl_that_hangs_is_given_up(asked, monkeypatch):
    """It has a bound."""
    monkeypatch.setattr(machine, "_SYSTEMCTL_TIMEOUT_S", 0.2)
    with pytest.raises(ActionRefusedError, match="timed out"):
        Systemctl().disable("slow.service")
    assert asked.exists()


def test_the_page_names_every_check():
    """docs/adopt.md explains what preflight may show."""
    from dataclasses import replace

    page = (Path(__file__).parents[2] / "docs" / "adopt.md").read_text()
    names = {*checks(), *checks(local=replace(LOCAL, nova=Unknown("", 0.0)))}
    assert not {name for name in names if f"`{name}`" not in page}
