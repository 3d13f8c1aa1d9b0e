"""Running commands in a controller from outside the lab."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

from lab import cgroups
from lab.errors import LabError
from lab.topology import Topology

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.paths import Paths

_DEFAULT_TIMEOUT_S = 30.0
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
}


def enter(
    paths: Paths, controller: str, command: Sequence[str], *, user: str | None = None
) -> tuple[list[str], dict[str, str]]:
    """Argument vector and environment that run a command in a controller."""
    names = [c.name for c in load_topology(paths).controller_list]
    if controller not in names:
        raise LabError(f"controller = {controller!r}: allowed is {', '.join(names)}")
    leader = cgroups.leader(paths.state.name, controller)
    if leader is None:
        raise LabError(f"{controller} is not running")
    argv = ["nsenter", "--target", str(leader), "--all"]
    if user is not None:
        argv += ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--reset-env"]
    return [*argv, *command], dict(_ENVIRONMENT)


def load_topology(paths: Paths) -> Topology:
    """What was asked for at `up`."""
    try:
        return Topology.from_json(json.loads(paths.topology.read_text()))
    except FileNotFoundError as error:
        raise LabError("the lab is not running (`make lab-up` starts it)") from error


def init_pid(paths: Paths) -> int:
    """Process id, as the machine numbers it, of the lab's process 1."""
    try:
        return int(json.loads(paths.keeper.read_text())["init"]["pid"])
    except FileNotFoundError as error:
        raise LabError("the lab is not running (`make lab-up` starts it)") from error


class ControllerHandle:
    """A controller, for tests."""

    def __init__(self, paths: Paths, name: str) -> None:
        self._paths = paths
        self.name = name

    def run(
        self,
        command: Sequence[str],
        *,
        user: str | None = None,
        timeout_s: float = _DEFAULT_TIMEOUT_S,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as root or as `user`; CalledProcessError if it fails and `check` is set."""
        argv, environment = enter(self._paths, self.name, command, user=user)
        return subprocess.run(
            argv,
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=check,
        )
