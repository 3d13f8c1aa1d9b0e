"""Control groups of the lab's controllers, on machines with cgroup v2 or with the older hybrid layout.

They are the one thing outside the lab's namespaces that the kernel does not take away by itself. Process ids
read from them are numbered as the reader's own PID namespace numbers them, so the same code serves inside and
outside the lab.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROOT = Path("/sys/fs/cgroup")
_PAYLOAD = "payload"
"""systemd-nspawn divides its group into one for itself and this one for the container."""


def _hierarchies() -> list[Path]:
    """Mount points in which systemd inside a container keeps its units: one for v2, two for hybrid."""
    if (_ROOT / "cgroup.controllers").exists():
        return [_ROOT]
    return [p for p in (_ROOT / "systemd", _ROOT / "unified") if (p / "cgroup.procs").exists()]


def command_in_group(lab: str, controller: str, command: Sequence[str]) -> list[str]:
    """A command that enters the controller's own group, which is made here, and then becomes `command`."""
    groups = make(lab, controller)
    enter = "".join(f'echo $$ > "{group}/cgroup.procs" && ' for group in groups)
    return ["/bin/sh", "-c", enter + 'exec "$@"', "sh", *command]


def make(lab: str, controller: str) -> list[Path]:
    """The controller's own groups, one in each hierarchy; made if they are missing."""
    groups = [hierarchy / lab / controller for hierarchy in _hierarchies()]
    for group in groups:
        group.mkdir(parents=True, exist_ok=True)
    return groups


def _tree(lab: str, controller: str) -> Path:
    return _hierarchies()[0] / lab / controller / _PAYLOAD


def unit_group(lab: str, controller: str, unit: str) -> Path:
    """The directory of a unit's control group; it exists while the unit has processes."""
    template, at, _ = unit.partition("@")
    slices = "system.slice" if not at else "system.slice/system-" + template.replace("-", "\\x2d") + ".slice"
    return _tree(lab, controller) / slices / unit


def processes(group: Path) -> list[int]:
    """Process ids in a group, the oldest first; empty if there is no such group."""
    try:
        return [int(line) for line in (group / "cgroup.procs").read_text().split()]
    except OSError:  # no such group, or ENODEV while it is being removed
        return []


def leader(lab: str, controller: str) -> int | None:
    """Process id of the controller's systemd, or None if the controller is not running."""
    found = processes(_tree(lab, controller) / "init.scope")
    return found[0] if found else None


def freeze(lab: str, controller: str, *, frozen: bool) -> None:
    """Stop every process of a controller where it stands, or let all go on; `is_frozen` tells when."""
    (_hierarchies()[-1] / lab / controller / "cgroup.freeze").write_text("1" if frozen else "0")


def is_frozen(lab: str, controller: str) -> bool:
    """Whether every process of a controller stands."""
    try:
        events = (_hierarchies()[-1] / lab / controller / "cgroup.events").read_text()
    except OSError:  # it has not been started, or the machine has no control groups of version 2
        return False
    return "frozen 1" in events.splitlines()


def kill(lab: str, controller: str) -> None:
    """SIGKILL to every process of a controller at once; they are dead soon after."""
    (_hierarchies()[-1] / lab / controller / "cgroup.kill").write_text("1")


def remove(lab: str, controller: str = "") -> None:
    """Remove every group of the lab or of a controller, deepest first; OSError while one holds a process."""
    for hierarchy in _hierarchies():
        for directory, _, _ in os.walk(hierarchy / lab / controller, topdown=False):
            Path(directory).rmdir()


def leftovers(lab: str) -> list[Path]:
    """The groups of the lab of that name that exist."""
    return [p for p in (h / lab for h in _hierarchies()) if p.exists()]
