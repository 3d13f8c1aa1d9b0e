"""An unmanaged nova-compute is adopted while it runs, and given back as it was, by a real systemd."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from failover.conftest import wait_until_all_served
from failover.scene import Scene
from failover.test_asked_by_a_human import ask
from figures import Report
from lab.controllers.daemon import CONFIGURATION
from lab.controllers.daemon import UNIT as DAEMON
from lab.controllers.holding import MANAGED_UNITS

pytestmark = [pytest.mark.lab, pytest.mark.failover]

_LOOKED_AGAIN_S = 90.0
_LONG_S = 120.0
# As a distribution and its operator leave it: started at boot, and again by systemd. The file of our name,
# empty here, hides the one that the lab has for all units of the template.
_UNMANAGED = """
mkdir -p "$DROP_INS"
: > "$DROP_INS/nova-watchdog.conf"
printf '[Service]\\nRestart=always\\nRestartSec=1\\nKillMode=process\\n' > "$DROP_INS/override.conf"
sed -i "/^$UNIT\\$/d" "$MANAGED"
systemctl daemon-reload
systemctl --quiet enable "$UNIT"
"""
_RENAMED = """
mv "$DROP_INS/override.conf" "$DROP_INS/10-local.conf"
systemctl daemon-reload
"""
_AS_THE_LAB_HAD_IT = """
systemctl --quiet disable "$UNIT"
rm -rf "$DROP_INS"
rm -f "$OWN/compute_id"
grep -qx "$UNIT" "$MANAGED" || echo "$UNIT" >> "$MANAGED"
systemctl daemon-reload
"""
_PICTURE = """
places="$MANAGED $OWN/compute_id /etc/polkit-1/rules.d /etc/nova /etc/systemd/system"
for file in $(find $places -type f | sort)
do
    stat --format='%n %a %U %G' "$file"
    sha256sum < "$file"
done
systemctl show --property=UnitFileState,Restart,KillMode,DropInPaths "$UNIT"
"""


@dataclass(frozen=True)
class Machine:
    """The pairing's unit on one controller."""

    scene: Scene
    name: str

    def sh(self, script: str) -> str:
        """Run a script that knows the pairing's places; its output."""
        unit, pairing = self.scene.pairing.unit, self.scene.pairing.name
        places = f"set -eu; UNIT={unit} DROP_INS=/etc/systemd/system/{unit}.d MANAGED={MANAGED_UNITS} "
        places += f"OWN=/var/lib/nova/{pairing}\n"
        return self.scene.lab.controller(self.name).run(["sh", "-c", places + script], timeout_s=90).stdout

    def adopt(self, *words: str) -> tuple[int, str]:
        """`nova-watchdog adopt`: the exit code, and all that was said."""
        done = ask(self.scene, self.name, "adopt", self.scene.pairing.name, *words)
        return done.returncode, done.stdout + done.stderr

    def set_mode(self, mode: str) -> None:
        """The pairing's mode in the configuration, which takes a restart of the daemon."""
        table = rf"/^\[pairing.{self.scene.pairing.name}\]/"
        line = "" if mode == "protect" else f"sed -i '{table}a mode = \"{mode}\"' {CONFIGURATION}\n"
        delete = f"sed -i '{table},/^unit/{{/^mode = /d}}' {CONFIGURATION}\n"
        self.sh(f"{delete}{line}systemctl restart {DAEMON}")


@pytest.fixture
def machines(scenes: list[Scene]) -> Iterator[list[Machine]]:
    """The last pairing's unit on its holder and on a standby, both unmanaged. Put back as the lab had it."""
    scene = scenes[-1]
    (holder,) = scene.running()
    names = [one.name for one in scene.lab.topology.controller_list]
    standby = next(name for name in names if name != holder)
    both = [Machine(scene, holder), Machine(scene, standby)]
    before = [one.sh(_PICTURE) for one in both]
    for one in both:
        one.sh(_UNMANAGED)
    yield both
    set_mode(both, "observe")
    for one in both:
        one.adopt("--undo")
        one.sh(_AS_THE_LAB_HAD_IT)
    set_mode(both, "protect")
    wait_until_all_served(scenes)
    assert [one.sh(_PICTURE) for one in both] == before


def set_mode(machines: list[Machine], mode: str) -> None:
    """On every controller, at the same time."""
    scene = machines[0].scene
    everywhere = [Machine(scene, one.name) for one in scene.lab.topology.controller_list]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda one: one.set_mode(mode), everywhere))


def until(is_so: Callable[[], bool], what: str, timeout_s: float = _LONG_S) -> None:
    """Wait for it."""
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, f"not within {timeout_s:g} s: {what}"
        time.sleep(0.5)


def rule(scene: Scene, controller: str) -> str:
    """The rule of holding that its daemon is at."""
    return str((scene.said(controller).get("hold") or {}).get("rule"))


def test_a_running_nova_compute_is_adopted_and_given_back(machines: list[Machine], report: Report):
    """The same process all the time; each change is shown first, and undone byte by byte."""
    holder, standby = machines
    scene = holder.scene
    (process,) = [run for run in scene.runs() if run.end_s is None]
    until(lambda: rule(scene, holder.name) == "H01", "the daemon sees that it could not hold it")
    _a_later_drop_in_is_refused(holder)
    for one in machines:
        one.sh(_RENAMED)
    before = [one.sh(_PICTURE) for one in machines]
    _shown_first(holder)

    asked_s = scene.lab.now()
    code, said = holder.adopt()
    assert code == 0, said
    code, said = standby.adopt("--compute-id", scene.pairing.compute_id)
    assert code == 0, said
    until(lambda: rule(scene, holder.name) == "H13", "the daemon holds it")
    report(f"adopted: held {scene.lab.now() - asked_s:.1f} s after the command began")
    assert scene.wait_until_served([one.name for one in scene.lab.topology.controller_list]) == holder.name
    _start_is_refused(standby)
    code, said = holder.adopt()
    assert (code, "adopted already" in said) == (0, True), said

    code, said = holder.adopt("--undo")
    assert (code, "mode protect" in said) == (1, True), said
    set_mode(machines, "observe")
    for one, was in zip(machines, before, strict=True):
        code, said = one.adopt("--undo")
        assert code == 0, said
        assert one.sh(_PICTURE) == was
    assert [run for run in scene.runs() if run.end_s is None] == [process], "never restarted"


def _a_later_drop_in_is_refused(holder: Machine) -> None:
    """`systemctl edit` makes override.conf, which systemd reads after ours."""
    before = holder.sh(_PICTURE)
    code, said = holder.adopt()
    assert code == 1
    assert "override.conf is read after" in said
    assert "says Restart=always" in said
    assert holder.sh(_PICTURE) == before


def _shown_first(holder: Machine) -> None:
    """Each change, and none is made."""
    before = holder.sh(_PICTURE)
    code, shown = holder.adopt("--dry-run")
    assert code == 0, shown
    for expected in (
        f"write /var/lib/nova/{holder.scene.pairing.name}/compute_id",
        "+ExecCondition=+/usr/lib/nova-watchdog/may-start %n",
        "Restart=always, KillMode=process until now",
        f"add to {MANAGED_UNITS}",
        f"systemctl disable {holder.scene.pairing.unit} (enabled now)",
    ):
        assert expected in shown
    assert holder.sh(_PICTURE) == before


def _start_is_refused(standby: Machine) -> None:
    """The condition is in force, and the journal says why nothing starts."""
    lab, unit = standby.scene.lab, standby.scene.pairing.unit
    since = lab.now()
    lab.controller(standby.name).run(["systemctl", "start", unit], check=False)
    lab.wait_for(
        "journal",
        since=since,
        timeout_s=_LOOKED_AGAIN_S,
        unit=unit,
        controller=standby.name,
        predicate=lambda event: "it has no token" in event["message"],
    )
    assert not [run for run in standby.scene.runs(since) if run.controller == standby.name]
