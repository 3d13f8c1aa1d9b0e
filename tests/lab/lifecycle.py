"""Starting and ending a lab from outside: `up`, `down`, and what a crashed tool left behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from lab import cgroups, keeper, wire
from lab.client.controller import enter, load_topology
from lab.errors import LabError
from lab.processes import tail
from lab.site import Tools
from lab.steps import Steps
from lab.topology import Topology

if TYPE_CHECKING:
    from pathlib import Path

    from lab.paths import Paths

_POLL_S = 0.05
_DOWN_TIMEOUT_S = 20.0
LOCK_VARIABLE = "LAB_LOCK"


def up(paths: Paths, topology: Topology) -> None:
    """Bring the lab up, or say that it is up. LabError with the reason if it fails; then nothing stays."""
    from lab.prepare import prepare

    steps = Steps()
    lock = _claim(paths)
    if lock is None:
        _compare(paths, topology)
        return
    started = False
    try:
        tools = prepare(paths, topology, steps)
        process = _start_keeper(paths, topology, tools, lock)
        started = True
    finally:
        if not started:
            keeper.remove_leftovers(paths, keep_logs=False)
        os.close(lock)
    try:
        _follow(paths, process, steps)
    except BaseException:
        process.kill()  # the kernel takes everything else away
        process.wait()
        remove_stale(paths)
        raise
    steps.line("the lab is up")


def down(paths: Paths, keep_logs: Path | None) -> bool:
    """End the lab and remove all of it; False if there was nothing."""
    existed = paths.state.exists()
    if existed and keep_logs is not None:
        save_logs(paths, keep_logs)
    if is_running(paths):
        try:
            wire.request(paths.socket, "down", timeout_s=5.0)
        except LabError:
            kill(paths)
        deadline = time.monotonic() + _DOWN_TIMEOUT_S
        while is_running(paths):
            if time.monotonic() > deadline:
                kill(paths)
                deadline = float("inf")
            time.sleep(_POLL_S)
    return remove_stale(paths) or existed


def is_running(paths: Paths) -> bool:
    """True while a lab holds the state directory."""
    if not paths.state.exists():
        return False
    try:
        lock = keeper.lock_state(paths.state)
    except FileNotFoundError:
        return False
    if lock is None:
        return True
    os.close(lock)
    return False


def kill(paths: Paths) -> None:
    """Kill the keeper; the kernel then ends the lab's namespaces and everything in them."""
    try:
        known = json.loads(paths.keeper.read_text())["keeper"]
        if keeper.start_time(known["pid"]) == known["start"]:
            os.kill(known["pid"], signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError):
        pass  # it is gone already


def remove_stale(paths: Paths) -> bool:
    """Remove what a crashed lab left; False if there is nothing. LabError if one is running."""
    if not paths.state.exists() and not cgroups.leftovers(paths.state.name):
        return False
    paths.state.mkdir(exist_ok=True)
    deadline = time.monotonic() + _DOWN_TIMEOUT_S
    while (lock := keeper.lock_state(paths.state)) is None:  # its last processes hold the lock while they die
        if time.monotonic() > deadline:
            raise LabError(f"a lab is still running in {paths.state}")
        time.sleep(_POLL_S)
    keeper.remove_leftovers(paths, keep_logs=False)
    os.close(lock)
    return True


def save_logs(paths: Paths, target: Path) -> None:
    """Copy logs and the observer's record to a directory."""
    target.mkdir(parents=True, exist_ok=True)
    if paths.logs.exists():
        shutil.copytree(paths.logs, target, dirs_exist_ok=True)
    if paths.events.exists():
        shutil.copy(paths.events, target)
    for controller in controllers(paths):
        with (target / f"{controller}-journal.log").open("wb") as log:
            command, environment = enter(paths, controller, ["journalctl", "--output=short-precise"])
            subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, check=False)


def controllers(paths: Paths) -> list[str]:
    """Names of the controllers that run."""
    if not paths.topology.exists():
        return []
    names = [c.name for c in load_topology(paths).controller_list]
    return [name for name in names if cgroups.leader(paths.state.name, name) is not None]


def _claim(paths: Paths) -> int | None:
    """Make the state directory and lock it; None if a running lab has it. Cleans up after a crash."""
    if is_running(paths):
        return None
    remove_stale(paths)
    paths.state.mkdir(parents=True)
    lock = keeper.lock_state(paths.state)
    if lock is not None:
        paths.logs.mkdir()
    return lock


def _compare(paths: Paths, topology: Topology) -> None:
    try:
        status = wire.request(paths.socket, "status", timeout_s=5.0)
    except LabError as error:
        raise LabError("a lab is being started or stopped right now; try again in a minute") from error
    if Topology.from_json(status["topology"]) != topology:
        raise LabError(
            f"a lab with another topology is running ({describe(status['topology'])}): `lab down` first"
        )
    if not status["ready"]:
        raise LabError("the lab is being started right now; try again in a minute")
    print(f"the lab is running already ({describe(status['topology'])})")


def describe(topology: dict[str, Any]) -> str:
    """A topology in a few words."""
    daemon = "with" if topology["daemon"] else "without"
    counts = ", ".join(f"{topology[key]} {key}" for key in ("controllers", "clusters", "vcenters"))
    pager = " and the pager" if topology["pager"] else ""
    etcd = f", {topology['etcd']} members of etcd" if topology["etcd"] else ""
    return f"{counts}, {daemon} the daemon{pager}{etcd}"


def _start_keeper(paths: Paths, topology: Topology, tools: Tools, lock: int) -> subprocess.Popen[bytes]:
    paths.topology.write_text(json.dumps(topology.to_json()))
    tools.save(paths.tools)
    paths.progress.touch()
    environment = {
        **os.environ,
        "LAB_CACHE": str(paths.cache),
        "LAB_STATE": str(paths.state),
        "PYTHONPATH": str(paths.repository / "tests"),
        LOCK_VARIABLE: str(lock),
    }
    with (paths.logs / "keeper.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "lab.keeper"],
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=(lock,),
        )


def _follow(paths: Paths, process: subprocess.Popen[bytes], steps: Steps) -> None:
    """Print the supervisor's progress until the lab is ready; LabError if it is not going to be."""
    with paths.progress.open() as progress, (paths.logs / "keeper.log").open() as log:
        while True:
            alive = (
                process.poll() is None
            )  # before reading, so that nothing written by a process that ended is lost
            line = progress.readline()
            if not line:
                if not alive:
                    raise LabError(
                        f"the lab ended while it started:\n{log.read()[-2000:]}{tail(_crash_log(paths))}"
                    )
                time.sleep(_POLL_S)
                continue
            record = json.loads(line)
            if record["kind"] == "ready":
                return
            if record["kind"] == "failed":
                raise LabError(f"step {record['step']} failed: {record['reason']}")
            if record["kind"] == "note":
                steps.line(record["text"])
            else:
                steps.line(record["name"], record["took_s"])


def _crash_log(paths: Paths) -> Path:
    return paths.cache / "crash-logs" / "supervisor.log"
