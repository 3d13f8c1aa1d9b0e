"""The whole daemon in its own process; the nova.conf of one pairing is broken until somebody mends it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

import pytest

from cli.daemon_process import launched
from config.sites import Site
from nova_watchdog.telemetry import status
from nova_watchdog.telemetry.view import Document

STARTS_WITHIN_S = 120.0  # so long only on a machine that has other work
ENDS_WITHIN_S = 60.0


@pytest.fixture
def daemon(site: Site) -> Iterator[subprocess.Popen[str]]:
    """Started as systemd would, cluster-a broken; vCenter and Keystone refuse, the bus may be away."""
    site.edit("cluster-a.conf", {"[vmware]": "[vmware"})
    with launched(site) as (process, _):
        yield process
        process.kill()
        process.communicate()


async def first_status(site: Site) -> Document:
    """As soon as the daemon answers and has looked at its pairing."""
    deadline = time.monotonic() + STARTS_WITHIN_S
    while True:
        try:
            shown = await status.fetch(site.root / "control.sock")
            if shown["pairings"]:
                return shown
        except status.NoDaemonError:
            pass
        assert time.monotonic() < deadline, "no status"
        time.sleep(0.1)  # noqa: ASYNC251 - nothing else runs here


async def test_a_daemon_watches_the_rest_and_ends_cleanly_once_the_file_is_mended(
    site: Site, daemon: subprocess.Popen[str]
) -> None:
    """Exit code 0, so that systemd starts it anew; the log says why, once each, and holds no secret."""
    shown = await first_status(site)
    assert [entry["name"] for entry in shown["pairings"]] == ["cluster-b"]
    assert [entry["name"] for entry in shown["unwatched"]] == ["cluster-a"]
    assert shown["healthy"] is False
    site.edit("cluster-a.conf", {"[vmware": "[vmware]"})
    began_s = time.monotonic()
    _, log = daemon.communicate(timeout=ENDS_WITHIN_S)
    print(f"mended: the daemon ended {time.monotonic() - began_s:.1f} s later")
    assert daemon.returncode == 0, log
    (told,) = [line for line in log.splitlines() if "event=not-watched" in line]
    assert "level=error" in told
    assert "pairing=cluster-a" in told
    (mended,) = [line for line in log.splitlines() if "event=config-mended" in line]
    assert "pairing=cluster-a" in mended
    assert log.splitlines()[-1].endswith("event=stopped")
    assert "vcenter-password" not in log
    assert "bus-password" not in log
