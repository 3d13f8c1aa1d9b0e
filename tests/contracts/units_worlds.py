"""The worlds in which the contract of systemd's units is tested."""

from __future__ import annotations

import asyncio
import itertools
import signal
import subprocess
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from contracts.waiting import PATIENCE_S, until
from fakes.clock import FakeClock
from fakes.systemd import FakeSystemd
from nova_watchdog.adapters.clock import SystemClock
from nova_watchdog.adapters.systemd import SystemdUnits
from nova_watchdog.core.model import LoadState
from nova_watchdog.ports import Clock, Units
from nova_watchdog.simulation.parts.systemd import SimulatedSystemd

# `simple` exits by itself when told: with 0 after USR1, with 3 after USR2. Its child outlives the
# main process for a moment, as some of nova-compute's do. `stubborn` is deaf to a stop.
_TEMPLATES = {
    "simple": "trap 'exit 0' USR1; trap 'exit 3' USR2; while :; do sleep 1000 & wait $!; done",
    "stubborn": "while :; do sleep 1000 & wait $!; done",
}
# Deaf from its first moment: a trap of the script's own may come after the stop.
DEAF = "KillSignal=SIGCONT"
_CATCHES_BOTH = 1 << (signal.SIGUSR1 - 1) | 1 << (signal.SIGUSR2 - 1)
_TEMPLATE = """\
[Unit]
Description=Contract suite of the watchdog
StartLimitIntervalSec={interval_s}
StartLimitBurst=1
[Service]
Type=simple
Restart=no
TimeoutStopSec=4s
{more}
ExecStart=/bin/sh -c "{script}"
"""


class Controller(Protocol):
    """A machine with a systemd of its own."""

    bus_address: str

    def run(self, command: Sequence[str], *, check: bool = True) -> subprocess.CompletedProcess[str]: ...


class Wakes:
    """Counts the wakes of a subscriber."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


class PlayedWorld:
    """What a systemd that is played does at once when somebody's hands ask for it."""

    systemd: FakeSystemd | SimulatedSystemd

    async def kill(self, unit: str) -> None:
        self.systemd.kill_by_human(unit)

    async def exit(self, unit: str, code: int) -> None:
        self.systemd.exit(unit, code)

    async def mask(self, unit: str) -> None:
        self.systemd.set_load(unit, LoadState.MASKED)

    async def lose_bus(self) -> None:
        self.systemd.lose_bus()

    async def find_bus(self) -> None:
        self.systemd.find_bus()

    async def replace_daemon(self) -> None:
        self.systemd.daemon_was_away()


class FakeWorld(PlayedWorld):
    """The fake is both the port and the systemd."""

    def __init__(self) -> None:
        self.clock: Clock = FakeClock()
        self.systemd: FakeSystemd = FakeSystemd(self.clock)
        self.port: Units = self.systemd
        self._numbers = itertools.count()

    async def watch(self, *, is_stubborn: bool = False) -> tuple[str, Wakes]:  # noqa: ARG002 - as the other one
        unit, wakes = f"contract@{next(self._numbers)}.service", Wakes()
        self.systemd.add(unit)
        self.port.subscribe(unit, wakes)
        return unit, wakes

    async def close(self) -> None:
        """Nothing to close."""

    async def eventually(self, condition: Callable[[], bool]) -> None:
        await asyncio.sleep(0)
        assert condition()

    async def start_by_human(self, unit: str) -> None:
        self.systemd.start_by_human(unit)

    async def stop_by_human(self, unit: str) -> None:
        self.systemd.stop_by_human(unit)

    async def restart_by_human(self, unit: str) -> None:
        self.systemd.restart_by_human(unit)

    async def begin_stubborn_stop(self, unit: str) -> None:
        self.systemd.begin_stop_by_human(unit)

    async def end_stubborn_stop(self, unit: str) -> None:
        self.systemd.finish_stop(unit, killed=True)


class SystemdWorld:
    """The real adapter on the D-Bus of a real systemd."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        self.clock: Clock = SystemClock()
        self._units: list[str] = []
        self.port: Units = SystemdUnits(self.clock, controller.bus_address)

    async def open(self) -> SystemdWorld:
        for name, script in _TEMPLATES.items():
            more = DEAF if name == "stubborn" else ""
            text = _TEMPLATE.format(interval_s=0, script=script, more=more)
            await self._write(f"/run/systemd/system/contract-{name}@.service", text)
        await self._write(
            "/run/systemd/system/contract-limited@.service",
            _TEMPLATE.format(interval_s=1000, script=_TEMPLATES["simple"], more=""),
        )
        await self.systemctl("daemon-reload")
        return self

    async def watch(self, *, is_stubborn: bool = False) -> tuple[str, Wakes]:
        """A unit that never ran, watched from now on."""
        unit, wakes = await self.new_unit("stubborn" if is_stubborn else "simple"), Wakes()
        self.port.subscribe(unit, wakes)
        await self.connect()
        return unit, wakes

    async def new_unit(self, kind: str) -> str:
        """A unit that never ran. An anchor refers to it, so systemd does not forget it after a clean end."""
        name = uuid.uuid4().hex[:8]
        unit = f"contract-{kind}@{name}.service"
        anchor = f"contract-anchor-{name}.service"
        await self._write(
            f"/run/systemd/system/{anchor}",
            f"[Unit]\nBefore={unit}\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n",
        )
        await self.systemctl("daemon-reload")
        await self.systemctl("start", anchor)
        self._units += [unit, anchor]
        return unit

    async def connect(self) -> None:
        """Watch what was subscribed to."""
        adapter = self.port
        assert isinstance(adapter, SystemdUnits)
        await adapter.connect()

    async def close(self) -> None:
        await self._close_port()
        await self.systemctl("start", "dbus.socket", "dbus.service", check=False)
        for unit in self._units:
            await self.systemctl("kill", "--signal=KILL", unit, check=False)
            await self.systemctl("stop", unit, check=False)
            await self.systemctl("unmask", "--runtime", unit, check=False)
        await self.run("sh", "-c", "rm -f /run/systemd/system/contract-*")
        await self.systemctl("daemon-reload")
        await self.systemctl("reset-failed", "contract-*", check=False)

    async def _close_port(self) -> None:
        adapter = self.port
        assert isinstance(adapter, SystemdUnits)
        await adapter.close()

    async def eventually(self, condition: Callable[[], bool]) -> None:
        """Wait until it is so; the signals need a moment."""
        await until(condition)

    async def start_refusal(self, unit: str) -> str:
        """What `systemctl start` and the journal say when systemd refuses a start."""
        await self.systemctl("start", unit, check=False)
        return await self.run("journalctl", "--boot", "--no-pager", f"--unit={unit}", "--lines=5")

    async def eventually_active(self, unit: str) -> None:
        """Wait until systemd says that it runs."""

        async def is_active() -> bool:
            return await self.systemctl("is-active", unit, check=False) == "active"

        await _until(is_active)

    async def run(self, *command: str, check: bool = True) -> str:
        done = await asyncio.to_thread(self.controller.run, command, check=check)
        return done.stdout.strip()

    async def systemctl(self, *arguments: str, check: bool = True) -> str:
        return await self.run("systemctl", *arguments, check=check)

    async def start_by_human(self, unit: str) -> None:
        await self.systemctl("start", unit)

    async def stop_by_human(self, unit: str) -> None:
        await self.systemctl("stop", unit)

    async def restart_by_human(self, unit: str) -> None:
        await self.systemctl("restart", unit)

    async def begin_stubborn_stop(self, unit: str) -> None:
        await self.systemctl("stop", "--no-block", unit)

    async def end_stubborn_stop(self, unit: str) -> None:
        await self.systemctl("stop", unit)  # joins the job and waits for it

    async def kill(self, unit: str) -> None:
        await self.systemctl("kill", "--kill-whom=main", "--signal=KILL", unit)
        await self._wait_down(unit)

    async def exit(self, unit: str, code: int) -> None:
        main = await self.systemctl("show", "--property=MainPID", "--value", unit)
        async with asyncio.timeout(PATIENCE_S):
            while not await self._listens(main):  # noqa: ASYNC110 - its script may not have come that far
                await asyncio.sleep(0.02)
        await self.systemctl("kill", "--kill-whom=main", f"--signal={'USR2' if code else 'USR1'}", unit)
        await self._wait_down(unit)

    async def _listens(self, pid: str) -> bool:
        status = await self.run("cat", f"/proc/{pid}/status")
        caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
        return int(caught, 16) & _CATCHES_BOTH == _CATCHES_BOTH

    async def mask(self, unit: str) -> None:
        await self.run("ln", "-s", "/dev/null", f"/run/systemd/system/{unit}")
        await self.systemctl("daemon-reload")

    async def lose_bus(self) -> None:
        await self.systemctl("stop", "dbus.socket", "dbus.service")

    async def find_bus(self) -> None:
        await self.systemctl("start", "dbus.socket", "dbus.service")

    async def replace_daemon(self) -> None:
        """A new adapter, which saw nothing of what was before."""
        await self._close_port()
        self.port = SystemdUnits(self.clock, self.controller.bus_address)
        await self.connect()

    async def _wait_down(self, unit: str) -> None:
        async def is_down() -> bool:
            state = await self.systemctl("show", "--property=ActiveState", "--value", unit)
            return state in ("failed", "inactive")

        await _until(is_down)

    async def _write(self, path: str, text: str) -> None:
        await self.run("sh", "-c", 'printf %s "$2" > "$1"', "sh", path, text)


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await condition():  # noqa: ASYNC110 - systemctl is what tells
            await asyncio.sleep(0.01)
