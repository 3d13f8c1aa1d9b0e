"""Starting twice, starting wrongly, and what stays after a crash of the tool: nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab import cgroups, wire
from lab.errors import LabError
from lab.paths import Paths
from lab.topology import Topology

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.client import Lab

pytestmark = pytest.mark.lab

_STATE = Path("/run/nova-watchdog-lab-crash")
_BOOT_TIMEOUT_S = 60.0
_GONE_TIMEOUT_S = 10.0


@pytest.fixture
def second_lab() -> Iterator[Paths]:
    """Directories of a second, tiny lab beside the running one; the same cache."""
    paths = Paths.from_environment()
    second = Paths(paths.repository, paths.cache, _STATE)
    yield second
    _finish(_tool(second, "down"))


def _tool(paths: Paths, *arguments: str) -> subprocess.Popen[str]:
    """The lab tool, started as a person would."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(paths.repository / "tests"),
        "LAB_STATE": str(paths.state),
        "LAB_CACHE": str(paths.cache),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "lab", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _finish(tool: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit status and output of the tool, which ends by itself."""
    output, _ = tool.communicate(timeout=60)
    return tool.returncode, output


def _start_until_the_controller_runs(paths: Paths) -> subprocess.Popen[str]:
    """A starting lab, at the moment when it has a bridge, mounts, servers and a booted container."""
    tool = _tool(paths, "up", "--clusters", "1", "--no-daemon")
    deadline = time.monotonic() + _BOOT_TIMEOUT_S
    while not _controller_runs(paths):
        assert tool.poll() is None, _finish(tool)
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return tool


def _controller_runs(paths: Paths) -> bool:
    try:
        status = wire.request(paths.socket, "status", timeout_s=5.0)
    except LabError:
        return False
    return status["controllers"]["ctl1"]["leader"] is not None and status["parts"]["mariadb"] is not None


def _processes(paths: Paths) -> list[str]:
    """Command lines of processes whose environment or arguments name the lab's state directory."""
    found = []
    for directory in Path("/proc").iterdir():
        if not directory.name.isdigit() or int(directory.name) == os.getpid():
            continue
        try:
            command = (directory / "cmdline").read_bytes()
            text = command + (directory / "environ").read_bytes()
        except OSError:
            continue
        if re.search(rb"%s\b(?!-)" % str(paths.state).encode(), text):
            found.append(command.decode().replace("\0", " "))
    return found


def _leftovers(paths: Paths) -> dict[str, object]:
    """Everything of the lab that the machine can still see."""
    links = subprocess.run(["ip", "-brief", "link"], check=True, capture_output=True, text=True).stdout
    mounts = [line for line in Path("/proc/self/mounts").read_text().splitlines() if str(paths.state) in line]
    found = {
        "processes": _processes(paths),
        "mounts": mounts,
        "interfaces": [line for line in links.splitlines() if line.startswith(("lab0", "vb-"))],
        "groups": cgroups.leftovers(paths.state.name),
        "files": [paths.state] if paths.state.exists() else [],
    }
    return {kind: items for kind, items in found.items() if items}


def _wait_until_gone(paths: Paths) -> None:
    deadline = time.monotonic() + _GONE_TIMEOUT_S
    while left := _leftovers(paths):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def test_a_second_up_with_the_same_topology_says_that_it_runs(lab: Lab, tmp_path: Path) -> None:
    """At once, and nothing is started again."""
    before = lab.status()["parts"]
    parameters = lab.topology
    sizes = [f"--{key}={getattr(parameters, key)}" for key in ("controllers", "clusters", "vcenters")]
    policy = tmp_path / "policy.toml"
    policy.write_text(parameters.policy)
    tables = tmp_path / "tables.toml"
    tables.write_text(parameters.extra_toml)
    daemon = [f"--policy={policy}", f"--extra-toml={tables}"] if parameters.daemon else ["--no-daemon"]
    pager = ["--pager"] if parameters.pager else []
    sizes += [f"--etcd={parameters.etcd}"]
    tool = _tool(lab.paths, "up", *sizes, *daemon, *pager)
    status, output = _finish(tool)
    assert status == 0, output
    assert "running already" in output
    assert lab.status()["parts"] == before


def test_up_with_another_topology_is_refused(lab: Lab) -> None:
    """It says what runs and what to do first."""
    tool = _tool(lab.paths, "up", "--clusters", "3")
    status, output = _finish(tool)
    assert status == 1
    assert "another topology is running (1 controllers, 2 clusters" in output
    assert "lab down" in output


def test_a_size_that_cannot_be_is_refused_before_anything_is_made(second_lab: Paths) -> None:
    """One line, exit code 1."""
    tool = _tool(second_lab, "up", "--vcenters", "5")
    status, output = _finish(tool)
    assert (status, output.count("\n")) == (1, 1)
    assert not second_lab.state.exists()


def test_after_kill_9_of_the_supervisor_nothing_stays(second_lab: Paths) -> None:
    """The namespaces go with it, the keeper removes the rest, `up` reports the failure."""
    tool = _start_until_the_controller_runs(second_lab)
    os.kill(_supervisor(second_lab), signal.SIGKILL)
    status, output = _finish(tool)
    assert status == 1
    assert "the lab ended while it started" in output
    _wait_until_gone(second_lab)


def test_after_kill_9_of_the_tool_and_the_keeper_down_removes_what_is_left(second_lab: Paths) -> None:
    """All processes, mounts and interfaces go at once; a directory and empty groups wait for `down`."""
    tool = _start_until_the_controller_runs(second_lab)
    keeper = json.loads(second_lab.keeper.read_text())["keeper"]["pid"]
    tool.kill()
    _finish(tool)
    os.kill(keeper, signal.SIGKILL)
    deadline = time.monotonic() + _GONE_TIMEOUT_S
    while set(_leftovers(second_lab)) - {"files", "groups"}:
        assert time.monotonic() < deadline, _leftovers(second_lab)
        time.sleep(0.1)
    assert _finish(_tool(second_lab, "down"))[0] == 0
    assert _leftovers(second_lab) == {}


def test_down_during_a_start_ends_it(second_lab: Paths) -> None:
    """Nobody has to wait for a start that is no longer wanted."""
    tool = _start_until_the_controller_runs(second_lab)
    assert _finish(_tool(second_lab, "down"))[0] == 0
    assert _finish(tool)[0] == 1
    assert _leftovers(second_lab) == {}


def _supervisor(paths: Paths) -> int:
    """The machine's number of the supervisor: the only child of the lab's init that runs it."""
    init = json.loads(paths.keeper.read_text())["init"]["pid"]
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            try:
                stat = (directory / "stat").read_text().rpartition(")")[2].split()
                command = (directory / "cmdline").read_bytes()
            except OSError:
                continue
            if int(stat[1]) == init and b"lab.supervisor" in command:
                return int(directory.name)
    raise AssertionError("no supervisor")


def test_the_running_lab_shows_nothing_to_the_machine_but_processes_and_groups(lab: Lab) -> None:
    """Bridge, veths, tmpfs and overlays live in the lab's own namespaces."""
    assert set(_leftovers(lab.paths)) == {"processes", "groups", "files"}


def test_topology_of_the_running_lab_is_what_the_tests_assume(lab: Lab) -> None:
    """One controller, two clusters, one vCenter."""
    assert (lab.topology.controllers, lab.topology.clusters, lab.topology.vcenters) == (
        Topology().controllers,
        Topology().clusters,
        Topology().vcenters,
    )
