"""One controller: an overlay of the machine's root, booted by systemd-nspawn."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from lab import cgroups, network
from lab.controllers import base
from lab.errors import LabError
from lab.processes import Service

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.site import Site
    from lab.topology import Controller

_COMMAND_TIMEOUT_S = 60.0
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
}


class Machine:
    """A controller that can be booted, and in which commands can be run. Only for use inside the lab."""

    def __init__(self, site: Site, controller: Controller) -> None:
        self.site = site
        self.controller = controller
        self.root = site.private("controllers", controller.name, "root")
        self._namespace = site.paths.private / "netns" / controller.name
        self.service = Service(
            controller.name,
            cgroups.command_in_group(site.paths.state.name, controller.name, self._command()),
            site.log(controller.name),
            self._has_booted,
            start_timeout_s=60.0,
            grace_s=10.0,
        )

    def build(self) -> None:
        """Make its file system and network; nothing runs yet."""
        directory = self.root.parent
        for name in ("upper", "work"):
            (directory / name).mkdir()
        options = f"lowerdir=/,upperdir={directory}/upper,workdir={directory}/work"
        run("mount", "--no-mtab", "-t", "overlay", "overlay", "-o", options, str(self.root))
        base.strip(self.root)
        base.identify(self.root, self.controller, self.site.topology)
        network.make_namespace(self._namespace, self.controller.name, self.controller.address)

    def boot(self) -> None:
        """Start its systemd and wait until it has reached its default target."""
        self.service.run()

    @property
    def leader(self) -> int:
        """Process id (inside the lab) of its systemd."""
        found = cgroups.leader(self.site.paths.state.name, self.controller.name)
        if found is None:
            raise LabError(f"{self.controller.name} is not running")
        return found

    def processes(self, unit: str) -> list[int]:
        """Process ids (inside the lab) of a unit; empty if it is not running."""
        return cgroups.processes(cgroups.unit_group(self.site.paths.state.name, self.controller.name, unit))

    def run(self, *command: str, check: bool = True, timeout_s: float = _COMMAND_TIMEOUT_S) -> str:
        """Run a command in it as root; its output, or LabError with what it said."""
        result = subprocess.run(
            ["nsenter", "--target", str(self.leader), "--all", *command],
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if check and result.returncode != 0:
            said = (result.stderr or result.stdout).strip()
            raise LabError(
                f"{self.controller.name}: {' '.join(command)} ended with {result.returncode}: {said}"
            )
        return result.stdout

    def _command(self) -> Sequence[str]:
        return [
            "systemd-nspawn",
            "--quiet",
            "--boot",
            f"--directory={self.root}",
            f"--machine={self.controller.name}",
            f"--network-namespace-path={self._namespace}",
            f"--bind-ro={self.site.paths.cache}",
            "--register=no",
            "--keep-unit",
            "--link-journal=no",
            "--resolv-conf=off",
            "--timezone=off",
            "--console=pipe",
        ]

    def _has_booted(self) -> bool:
        if (
            self.service.pid is None
            or cgroups.leader(self.site.paths.state.name, self.controller.name) is None
        ):
            return False
        state = self.run("systemctl", "is-system-running", check=False).strip()
        if state == "degraded":
            failed = self.run("systemctl", "--failed", "--no-legend", "--plain", check=False)
            raise LabError(f"{self.controller.name} booted with failed units:\n{failed}")
        return state == "running"


def run(*command: str) -> str:
    """Run a command inside the lab; its output, or LabError with what it said."""
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise LabError(
            f"{' '.join(command)} ended with {result.returncode}: {(result.stderr or result.stdout).strip()}"
        )
    return result.stdout
