"""What belongs to a managed unit outside of systemd: its processes, and the files that holding needs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from nova_watchdog.core.setup import Process, config_files_of

MANAGED_UNITS = "etc/nova-watchdog/managed-units"
_NEEDED = (
    "usr/lib/nova-watchdog/may-start",
    "usr/lib/nova-watchdog/deadline",
)
# Where either may lie: the administrator's files, or a package's.
_NEEDED_UNITS = ("nova-watchdog-deadline@.timer", "nova-watchdog-deadline.service")
_UNIT_DIRECTORIES = ("etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system")
_PROGRAM = "nova-compute"
_PACKAGE = re.compile(r"nova-([0-9][^-]*?)(?:-py[0-9.]+)?\.(?:dist|egg)-info")
_INSTALLED = (
    "lib/python3*/site-packages/nova-*-info",
    "lib/python3*/dist-packages/nova-*-info",
    "lib/python3/dist-packages/nova-*-info",
)


def missing_files(root: Path) -> tuple[str, ...]:
    """What is not installed of that which holds a unit and kills it."""
    missing = [f"/{name}" for name in _NEEDED if not _is_there(root / name)]
    missing += [
        name
        for name in _NEEDED_UNITS
        if not any(_is_there(root / directory / name) for directory in _UNIT_DIRECTORIES)
    ]
    return tuple(missing)


def _is_there(path: Path) -> bool:
    """Whether it can be seen from here: a directory that may not be entered is as good as empty."""
    try:
        return path.exists()
    except OSError:
        return False


def is_listed(root: Path, unit: str) -> bool | None:
    """Whether the deadline kills the unit, None: its list cannot be read."""
    try:
        text = (root / MANAGED_UNITS).read_text()
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return None
    return unit in managed_units(text)


def managed_units(text: str) -> tuple[str, ...]:
    """The units of such a file: one a line, `#` begins a comment."""
    lines = (line.strip() for line in text.splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


def process_of(root: Path, pid: int) -> Process | None:
    """The process as the kernel shows it, None: it is gone."""
    directory = root / "proc" / str(pid)
    try:
        argv = tuple((directory / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1])
    except OSError:
        return Process(pid, (), "") if directory.exists() else None
    try:
        lines = (directory / "cgroup").read_text().splitlines()
    except (OSError, ValueError):
        return Process(pid, argv, "")
    return Process(pid, argv, _systemd_group(lines))


def _systemd_group(lines: list[str]) -> str:
    """The path in systemd's hierarchy: `0::` with cgroup 2, `name=systemd` with cgroup 1 (cgroups(7))."""
    found = {line.split(":", 2)[1]: line.split(":", 2)[2] for line in lines if line.count(":") > 1}
    return found.get("name=systemd") or found.get("", "")


def nova_computes(root: Path) -> Iterator[Process]:
    """Every process that looks like a nova-compute. One that ends meanwhile is left out."""
    try:
        names = [entry.name for entry in (root / "proc").iterdir() if entry.name.isdigit()]
    except OSError:
        return
    for name in names:
        if _PROGRAM.encode() in _cmdline(root / "proc" / name):
            process = process_of(root, int(name))
            if process is not None and program_of(process.argv):
                yield process


def _cmdline(directory: Path) -> bytes:
    try:
        return (directory / "cmdline").read_bytes()
    except OSError:
        return b""


def program_of(argv: tuple[str, ...]) -> str:
    """The path of nova-compute in a command line, empty: it is none. An interpreter may come first."""
    return next((word for word in argv[:3] if word.rsplit("/", 1)[-1] == _PROGRAM), "")


def strays(computes: Iterable[Process], files: tuple[str, ...], control_group: str) -> tuple[str, ...]:
    """The nova-computes with these configuration files outside of that group, for people."""
    if not files:
        return ()
    return tuple(
        f"process {process.pid} in {process.cgroup or 'an unknown cgroup'}"
        for process in computes
        if config_files_of(process.argv) == files
        and process.cgroup
        and not (control_group and f"{control_group}/" in f"{process.cgroup}/")
    )


def nova_version(root: Path, program: str) -> str:
    """The version of the nova that this program belongs to, by its package's name; empty: not known."""
    if not program.startswith("/"):
        return ""
    prefix = (root / program.lstrip("/")).parent.parent
    names = [found.name for pattern in _INSTALLED for found in sorted(prefix.glob(pattern))]
    versions = [match[1] for name in names if (match := _PACKAGE.fullmatch(name))]
    return versions[0] if versions else ""
