"""The unit template that the project ships is as managed as a unit with the drop-in."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parents[2] / "systemd"


def settings(name: str) -> set[str]:
    """Its lines that set something."""
    lines = (line.strip() for line in (SYSTEMD / name).read_text().splitlines())
    return {line for line in lines if "=" in line and not line.startswith("#")}


def test_the_template_has_all_that_the_drop_in_adds() -> None:
    """And is never enabled: nothing but the daemon starts it."""
    template = settings("nova-compute@.service")
    after = "After=nova-watchdog.service"
    assert settings("managed.conf") - {after} <= template
    assert any(line.startswith("After=") and "nova-watchdog.service" in line for line in template)
    assert "[Install]\n" not in (SYSTEMD / "nova-compute@.service").read_text()


@pytest.mark.lab
def test_systemd_takes_the_template(tmp_path: Path) -> None:
    """`systemd-analyze verify` finds nothing wrong with it, but that nova is not installed here."""
    shutil.copy(SYSTEMD / "nova-compute@.service", tmp_path)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / "nova-compute@cluster-a.service")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": "/usr/bin:/bin"},
    )
    words = [line for line in done.stderr.splitlines() if "nova-compute@" in line]
    assert all("is not executable" in line or "not found" in line for line in words), done.stderr
