"""A controller in a directory, with a systemd that only remembers, for `adopt`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from nova_watchdog.adopt.changes import Found
from nova_watchdog.adopt.machine import Files, Kept
from nova_watchdog.core.model import LoadState, Mode
from nova_watchdog.core.setup import Command, ComputeIdPlace, NovaSetup, Process, UnitSetup
from nova_watchdog.ports import ActionRefusedError

ID = "0b1f8a5e-3f52-4c8e-9d7c-6a2a3b3f0001"
OTHER_ID = "0b1f8a5e-3f52-4c8e-9d7c-6a2a3b3f0002"
UNIT = "nova-compute.service"
FILES = ("/etc/nova/nova.conf", "/etc/nova/a/a.conf")
ARGV = ("/usr/bin/nova-compute", "--config-file", FILES[0], "--config-file", FILES[1])
GROUP = f"/system.slice/{UNIT}"

SETUP = UnitSetup(
    load=LoadState.LOADED,
    fragment=f"/usr/lib/systemd/system/{UNIT}",
    start=(Command(ARGV),),
    restart="on-failure",
    enabled="enabled",
    user="nova",
    control_group=GROUP,
    process=Process(7, ("/usr/bin/python3", *ARGV), GROUP),
    listed=False,
)
NOVA = NovaSetup(
    host="a",
    bus="rabbit://a:5672/",
    config_files=FILES,
    state_path="/var/lib/nova",
    places=(
        ComputeIdPlace("/etc/nova", shared=True),
        ComputeIdPlace("/etc/nova/a"),
        ComputeIdPlace("/var/lib/nova", ID),
    ),
)
FOUND = Found("a", UNIT, Mode.PROTECT, shares=True, setup=SETUP, nova=NOVA, units=("b.service", UNIT))
# Another pairing reads the same files, and keeps its state in the same place.
SHARING = replace(
    FOUND,
    setup=replace(SETUP, start=(Command(ARGV[:3]),), process=None),
    nova=replace(
        NOVA,
        config_files=FILES[:1],
        places=(ComputeIdPlace("/etc/nova", shared=True), ComputeIdPlace("/var/lib/nova", shared=True)),
    ),
    compute_id=ID,
)


class RememberingSystemd:
    """Notes what it is asked for; `fails` names what it refuses."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.fails = ""

    def show(self, unit: str) -> UnitSetup:
        return SETUP if unit == UNIT else replace(SETUP, load=LoadState.NOT_FOUND)

    def disable(self, unit: str) -> None:
        self._note(f"disable {unit}")

    def enable(self, unit: str, *, at_runtime: bool) -> None:
        self._note(f"enable {unit}{' --runtime' if at_runtime else ''}")

    def reload(self) -> None:
        self._note("reload")

    def _note(self, what: str) -> None:
        if what == self.fails:
            raise ActionRefusedError(f"{what}: no")
        self.asked.append(what)


class CrashingFiles(Files):
    """Ends like a power cut before that many writes are done."""

    def __init__(self, root: Path, writes: int) -> None:
        super().__init__(root)
        self._left = writes

    def write(self, path: str, kept: Kept) -> None:
        if self._left == 0:
            raise KeyboardInterrupt
        self._left -= 1
        super().write(path, kept)


def controller(root: Path) -> Path:
    """A controller with nova and the watchdog installed, nothing adopted."""
    for directory in ("etc/nova/a", "etc/nova-watchdog", "var/lib/nova", "etc/polkit-1/rules.d"):
        (root / directory).mkdir(parents=True)
    (root / "var/lib/nova/compute_id").write_text(ID)
    (root / "etc/polkit-1/rules.d/49-nova-watchdog-units.rules").write_text("var old = [];\n")
    (root / "etc/nova-watchdog/managed-units").write_text("# units\nb.service\n")
    return root


def picture(root: Path) -> dict[str, tuple[str, int]]:
    """Every file and directory with its text and mode, as undoing must leave it."""
    return {
        str(path.relative_to(root)): (path.read_text() if path.is_file() else "", path.stat().st_mode)
        for path in sorted(root.rglob("*"))
        if "nova-watchdog-adopt" not in str(path)
    }
