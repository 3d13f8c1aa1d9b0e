"""Real parts for the contract suites."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from contracts.holding_worlds import RealHoldingWorld, SimulatedHoldingWorld
from contracts.stand_ins.etcd_fixture import cluster, etcd, running_cluster
from contracts.stand_ins.odd_etcd import odd, odd_store
from contracts.stand_ins.rabbitmq_fixture import rabbitmq
from contracts.stand_ins.systemd_bus import Broker
from lab.client import Lab
from lab.client.controller import init_pid
from lab.vcsim.conftest import simulator, vcenter

__all__ = ["cluster", "etcd", "odd", "odd_store", "rabbitmq", "running_cluster", "simulator", "vcenter"]


class _Container:
    """A container with a systemd of its own, reached through its process 1 from outside."""

    def __init__(self, pid: int) -> None:
        self._enter = ("nsenter", f"--target={pid}", "--all")
        self.bus_address = _bus_address(Path(f"/proc/{pid}/root"))

    def run(self, command: Sequence[str], *, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._enter, *command], capture_output=True, text=True, check=check, timeout=60, cwd="/"
        )


class _LabController:
    """The lab's first controller."""

    def __init__(self, lab: Lab) -> None:
        self._handle = lab.controller("ctl1")
        leader = lab.status()["controllers"]["ctl1"]["leader"]
        # The leader's number means something in the lab's own /proc only.
        self.bus_address = _bus_address(Path(f"/proc/{init_pid(lab.paths)}/root/proc/{leader}/root"))

    def run(
        self, command: Sequence[str], *, check: bool = True, user: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        return self._handle.run(command, check=check, user=user, timeout_s=60)


def _bus_address(root: Path) -> str:
    return f"unix:path={root}/run/dbus/system_bus_socket"


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    """A private message bus, which a test may freeze or end."""
    made = Broker(tmp_path)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture(params=["simulated", pytest.param("systemd", marks=pytest.mark.lab)])
async def holding_world(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SimulatedHoldingWorld | RealHoldingWorld]:
    """A controller on which units are managed, simulated and real."""
    if request.param == "simulated":
        made: SimulatedHoldingWorld | RealHoldingWorld = SimulatedHoldingWorld()
    else:
        made = await RealHoldingWorld(request.getfixturevalue("controller"), monkeypatch).open()
    yield made
    await made.close()


@pytest.fixture(scope="session")
def lab_controller(running_lab: Lab) -> _LabController:
    """The first controller of the running lab."""
    return _LabController(running_lab)


@pytest.fixture(scope="session")
def controller(request: pytest.FixtureRequest) -> _Container | _LabController:
    """A real systemd: the lab's, or while developing the container whose process 1 is named here."""
    if pid := os.environ.get("CONTRACT_CONTAINER_PID"):
        return _Container(int(pid))
    made: _LabController = request.getfixturevalue("lab_controller")
    return made
