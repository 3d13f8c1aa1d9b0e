"""Process 1 of the lab: makes the other namespaces, starts the supervisor, reaps, ends with it.

When it ends, the kernel kills every process of the lab; mounts, bridge and veths go with their namespaces.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from lab import kernel

if TYPE_CHECKING:
    from lab.paths import Paths

_PRIVATE_SIZE = "6G"
_NAMESPACES = (
    kernel.NEW_MOUNT_NAMESPACE
    | kernel.NEW_UTS_NAMESPACE
    | kernel.NEW_IPC_NAMESPACE
    | kernel.NEW_NETWORK_NAMESPACE
)


def run(paths: Paths) -> NoReturn:
    """Be the init of the lab. Called in the keeper's child; never returns."""
    status = 1
    try:
        kernel.die_with_parent()
        os.setsid()
        kernel.unshare(_NAMESPACES)
        _mount(paths)
        socket.sethostname("lab")
        status = _supervise(paths)
    finally:
        os._exit(status)


def _mount(paths: Paths) -> None:
    """Make the lab's own view of the file system: nothing mounted from here on is seen outside."""
    private = paths.private
    private.mkdir()
    _mount_one("--make-rprivate", "/")
    _mount_one("-t", "proc", "proc", "/proc")
    _mount_one("-t", "tmpfs", "-o", f"size={_PRIVATE_SIZE},mode=755", "lab", str(private))
    # systemd-nspawn keeps locks in /run/systemd: they must not outlive the lab on the machine
    Path("/run/systemd").mkdir(exist_ok=True)
    _mount_one("-t", "tmpfs", "-o", "mode=755", "lab", "/run/systemd")
    for name in ("tmp", "home", "run"):
        (private / name).mkdir()


def _supervise(paths: Paths) -> int:
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "HOME": str(paths.private / "home"),
        "TMPDIR": str(paths.private / "tmp"),
        "LAB_CACHE": str(paths.cache),
        "LAB_STATE": str(paths.state),
        "PYTHONPATH": str(paths.repository / "tests"),
        "PYTHONPYCACHEPREFIX": str(paths.cache / "bytecode"),
    }
    with (paths.logs / "supervisor.log").open("ab") as log:
        supervisor = subprocess.Popen(  # reaped below, together with every orphan
            [sys.executable, "-m", "lab.supervisor"],
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    while True:
        pid, status = os.wait()
        if pid == supervisor.pid:
            return max(0, os.waitstatus_to_exitcode(status)) if os.WIFEXITED(status) else 1


def _mount_one(*arguments: str) -> None:
    subprocess.run(
        ["mount", "--no-mtab", *arguments], check=True
    )  # else it leaves notes in the machine's /run
