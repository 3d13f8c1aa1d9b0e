"""One controller: an overlay of the machine's root, booted by systemd-nspawn."""

from __future__ import annotations

import subprocess
import threading
import time
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
_DEAD_TIMEOUT_S = 10.0
_POLL_S = 0.01
_BOOT_AGAIN_TIMEOUT_S = 120.0
_BOOT_POLL_S = 0.1
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
        self.namespace = site.paths.private / "netns" / controller.name
        self._booting = threading.Lock()
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
        self._make_network()

    def boot(self) -> None:
        """Start its systemd, unless it runs, and wait until it has reached its default target."""
        with self._booting:
            if not self._is_up() and not self.namespace.exists():
                self._make_network()
            self.service.run()

    def boot_again(self) -> None:
        """Boot it while faults may be in force: units that fail are no error. Does nothing if it runs."""
        with self._booting:
            if self._is_up():
                return
            if not self.namespace.exists():
                self._make_network()
            self.service.start()
        deadline = time.monotonic() + _BOOT_AGAIN_TIMEOUT_S
        while not (self.runs and self._state() in ("running", "degraded")):
            if time.monotonic() > deadline:
                raise LabError(f"{self.controller.name} has not booted after {_BOOT_AGAIN_TIMEOUT_S:g} s")
            time.sleep(_BOOT_POLL_S)

    def kill(self) -> None:
        """End it as a loss of power does: nothing leaves it any more, not even the end of a connection."""
        with self._booting:
            self._kill()

    def _kill(self) -> None:
        network.cut(self.controller.name)
        cgroups.kill(self.site.paths.state.name, self.controller.name)
        self.service.stop()
        deadline = time.monotonic() + _DEAD_TIMEOUT_S
        while True:
            try:
                cgroups.remove(self.site.paths.state.name, self.controller.name)
                break
            except OSError:  # the kernel is still taking the last processes away
                if time.monotonic() > deadline:
                    raise
                time.sleep(_POLL_S)
        cgroups.make(self.site.paths.state.name, self.controller.name)
        network.remove_namespace(self.namespace, self.controller.name)
        self.namespace.unlink()

    def _is_up(self) -> bool:
        """Whether it runs; one that is ending is waited for."""
        deadline = time.monotonic() + _DEAD_TIMEOUT_S
        while self.service.pid is not None and not self.runs and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        return self.service.pid is not None

    def _make_network(self) -> None:
        network.make_namespace(self.namespace, self.controller.name, self.controller.address)

    @property
    def leader(self) -> int:
        """Process id (inside the lab) of its systemd."""
        found = cgroups.leader(self.site.paths.state.name, self.controller.name)
        if found is None:
            raise LabError(f"{self.controller.name} is not running")
        return found

    @property
    def runs(self) -> bool:
        """Whether it has a systemd, frozen or not."""
        return cgroups.leader(self.site.paths.state.name, self.controller.name) is not None

    @property
    def is_frozen(self) -> bool:
        """Whether all of it stands in a frozen control group."""
        return cgroups.is_frozen(self.site.paths.state.name, self.controller.name)

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
            f"--network-namespace-path={self.namespace}",
            f"--bind-ro={self.site.paths.cache}",
            "--register=no",
            "--keep-unit",
            "--link-journal=no",
            "--resolv-conf=off",
            "--timezone=off",
            "--console=pipe",
        ]

    def _has_booted(self) -> bool:
        if self.service.pid is None or not self.runs:
            return False
        state = self._state()
        if state == "degraded":
            failed = self.run("systemctl", "--failed", "--no-legend", "--plain", check=False)
            raise LabError(f"{self.controller.name} booted with failed units:\n{failed}")
        return state == "running"

    def _state(self) -> str:
        return self.run("systemctl", "is-system-running", check=False).strip()


def run(*command: str) -> str:
    """Run a command inside the lab; its output, or LabError with what it said."""
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise LabError(
            f"{' '.join(command)} ended with {result.returncode}: {(result.stderr or result.stdout).strip()}"
        )
    return result.stdout
