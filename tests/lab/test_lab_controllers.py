"""A lab of two controllers, each with a daemon that does not know of the other."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.client import Lab
from lab.controllers.daemon import CONFIGURATION, HTTP_PORT
from lab.paths import Paths

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.lab

_UP_TIMEOUT_S = 300.0
_EXTRA = Path(__file__).with_name("notify.toml")


@pytest.fixture(scope="module")
def pair() -> Iterator[Lab]:
    """A second lab beside the running one, with the pager, which its daemons are told of; the same cache."""
    own = Paths.from_environment()
    paths = Paths(own.repository, own.cache, Path("/run/nova-watchdog-lab-pair"))
    try:
        _tool(paths, "up", "--controllers=2", "--clusters=1", "--pager", f"--extra-toml={_EXTRA}")
        lab = Lab(paths)
        lab.pager().settle()
        yield lab
    finally:
        _tool(paths, "down")


def _tool(paths: Paths, *arguments: str) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(paths.repository / "tests"),
        "LAB_STATE": str(paths.state),
        "LAB_CACHE": str(paths.cache),
    }
    command = [sys.executable, "-m", "lab", *arguments]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=_UP_TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_controllers_daemon_has_a_view_of_its_own(pair: Lab) -> None:
    """One sees its unit run, the other does not, and Prometheus scrapes both."""
    units = {
        c.name: pair.daemon_status(c.name)["pairings"][0]["facts"]["unit"]
        for c in pair.topology.controller_list
    }
    assert units == {"ctl1": "up", "ctl2": "down"}
    up = {found["labels"]["instance"]: found["value"] for found in pair.prometheus_query("up")}
    assert up == {f"ctl1:{HTTP_PORT}": 1.0, f"ctl2:{HTTP_PORT}": 1.0}


def test_two_daemons_start_nova_compute_once_and_nothing_pages(pair: Lab) -> None:
    """The one beside a running nova-compute leaves its own alone, and has nothing to say to anybody."""
    pairing = pair.pairings[0]
    starts = [event["controller"] for event in pair.events(kind="process.start", unit=pairing.unit)]
    assert starts == ["ctl1"]
    beat = pair.wait_for("heartbeat", since=pair.now(), timeout_s=60.0, host=pairing.host)
    pair.pager().settle()
    assert pair.pager().pages() == []
    assert pair.events(beat["t"], "process.start", unit=pairing.unit) == []


def test_a_controller_that_is_gone_pages_with_its_name(pair: Lab) -> None:
    """The other one is scraped as before; a boot resolves it."""
    since = pair.now()
    pair.controller("ctl2").run(["systemctl", "poweroff"])
    page = pair.pager().wait_for_page("WatchdogDown", since=since, timeout_s=120.0)
    assert page["labels"]["instance"] == f"ctl2:{HTTP_PORT}"
    pair.boot("ctl2")
    pair.pager().wait_for_resolved("WatchdogDown", since=page["t"], timeout_s=120.0)
    assert {p["labels"]["instance"] for p in pair.pager().pages(since)} == {f"ctl2:{HTTP_PORT}"}


def test_tables_asked_for_reach_every_controller(pair: Lab) -> None:
    """`--extra-toml` with the repository's own example, which the daemon took: it would not run otherwise."""
    for controller in pair.topology.controller_list:
        written = pair.controller(controller.name).run(["cat", CONFIGURATION]).stdout
        assert tomllib.loads(written)["notify"] == tomllib.loads(_EXTRA.read_text())["notify"]
