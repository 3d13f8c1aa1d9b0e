"""The worlds in which the contracts of holding are tested: managed units, tokens, the deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import pytest

from contracts.simulated_worlds import SimulatedUnitsWorld
from contracts.units_worlds import DEAF, SystemdWorld, Wakes
from contracts.waiting import PATIENCE_S
from nova_watchdog.adapters import _systemd_deadline
from nova_watchdog.adapters.systemd import SystemdUnits
from nova_watchdog.adapters.tokens import TokenFiles
from nova_watchdog.core.model import UnitState
from nova_watchdog.ports import Deadline, DeadlineState, Tokens, UnitStops
from nova_watchdog.simulation.parts.tokens import MachineTokens

_REPOSITORY = Path(__file__).parents[2] / "systemd"
# The installed files under other names: a controller of the lab has a deadline and managed units of its own.
_PLACE = "/run/contract-holding"
_MOVED = {
    "/usr/lib/nova-watchdog": _PLACE,
    "/etc/nova-watchdog": _PLACE,
    "/run/nova-watchdog": _PLACE,
}
_UNITS = "/run/systemd/system"
_TOKEN_S = 300.0
# `family` has children in sessions of their own; `queued` waits for a unit whose start takes long.
_SCRIPTS = {
    "obedient": "exec sleep 1000",
    "stubborn": "while :; do sleep 1000 & wait $!; done",
    "family": "setsid sleep 1000 & sh -c 'setsid sleep 1000 & wait' & wait",
}
_MANY = "setsid sleep 1234 & while :; do sleep 1234; done"
_UNIT = """\
[Service]
Type=simple
TimeoutStopSec=60s
{more}
ExecStart=/bin/sh -c "{script}"
"""


class HoldingWorld(Protocol):
    """A controller's systemd with managed units; a pairing is called as its unit."""

    stops: UnitStops
    deadline: Deadline
    tokens: Tokens

    @property
    def now_s(self) -> float: ...

    async def managed(self, kind: str = "obedient") -> str:
        """A unit that never ran, watched."""
        ...

    async def start_by_human(self, unit: str) -> None: ...

    async def state(self, unit: str) -> UnitState: ...

    async def until(self, condition: Callable[[], Awaitable[object]]) -> None: ...


async def running_by_token(world: HoldingWorld, kind: str = "obedient") -> str:
    """A managed unit that was started with its token."""
    unit = await world.managed(kind)
    await world.tokens.grant(unit, world.now_s + _TOKEN_S)
    await world.start_by_human(unit)
    assert (await world.state(unit)).runs
    return unit


async def fired_and_done(world: HoldingWorld, since_s: float) -> DeadlineState:
    """How the deadline stands once it has fired since then, and everything is dead."""

    async def is_done() -> bool:
        state = await world.deadline.read()
        return state.fired_at_s is not None and state.fired_at_s >= since_s and not state.serving

    await world.until(is_done)
    return await world.deadline.read()


async def fire(world: HoldingWorld, in_s: float = -1.0) -> DeadlineState:
    """Arm it for so many seconds from now, and wait until it has fired."""
    since_s = world.now_s
    await world.deadline.arm(since_s + in_s)
    return await fired_and_done(world, since_s)


class SimulatedHoldingWorld(SimulatedUnitsWorld):
    """The simulated machine."""

    def __init__(self) -> None:
        super().__init__()
        self.machine = self.systemd.machine
        self.stops: UnitStops = self.systemd
        self.deadline: Deadline = self.systemd.deadline
        self.tokens: Tokens = MachineTokens(self.machine)

    @property
    def now_s(self) -> float:
        return self.machine.clock.now_s()

    async def managed(self, kind: str = "obedient") -> str:
        unit = f"contract@{next(self._numbers)}.service"
        self.systemd.add(unit, pairing=unit)
        if kind != "obedient":
            self._stubborn.add(unit)
        self.port.subscribe(unit, Wakes())
        return unit

    async def state(self, unit: str) -> UnitState:
        return await self.port.read(unit)

    async def until(self, condition: Callable[[], Awaitable[object]]) -> None:
        await _until(condition)

    async def queue_start(self, unit: str) -> None:
        self.systemd.queued_for_s = 3600.0
        self.systemd.start_by_human(unit)

    async def token_names(self) -> list[str]:
        return [name for name in self.machine.run if name.startswith("tokens/")]

    async def break_tokens(self) -> None:
        assert isinstance(self.tokens, MachineTokens)
        self.tokens.refusal = "read-only file system"

    async def why_refused(self, unit: str) -> str:
        return next(why for _, one, why in reversed(self.systemd.refusals) if one == unit)


class RealHoldingWorld(SystemdWorld):
    """The repository's unit files and scripts on a real systemd, and the adapters that speak to it."""

    place = _PLACE

    def __init__(self, controller: object, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(controller)  # type: ignore[arg-type]
        # Another one each time: systemd may go on knowing when the one of an earlier test fired.
        self.deadline_name = f"contract-deadline-{uuid4().hex[:8]}"
        monkeypatch.setattr(_systemd_deadline, "_NAME", self.deadline_name)
        assert isinstance(self.port, SystemdUnits)
        self.stops: UnitStops = self.port.stops()
        self.deadline: Deadline = self.port.deadline()
        self._unit_of: dict[str, str] = {}
        root = self.controller.bus_address.removeprefix("unix:path=").removesuffix(
            "/run/dbus/system_bus_socket"
        )
        self._place = Path(root + _PLACE)
        self.tokens: Tokens = TokenFiles(self._place / "tokens", self._unit_of, self.clock)

    async def open(self) -> RealHoldingWorld:
        await self.run("rm", "-rf", _PLACE)
        await self.run("mkdir", "-p", _PLACE)
        for name in ("nova-watchdog-deadline@.timer", "nova-watchdog-deadline.service"):
            await self._write(f"{_UNITS}/{self._moved(name)}", self._repository(name))
        for name in ("deadline", "may-start"):
            await self._write(f"{_PLACE}/{name}", self._repository(name))
            await self.run("chmod", "0755", f"{_PLACE}/{name}")
        for kind, script in _SCRIPTS.items():
            template = f"{_UNITS}/contract-{kind}@.service"
            more = "" if kind == "obedient" else DEAF
            await self._write(template, _UNIT.format(script=script, more=more))
            await self.run("mkdir", "-p", f"{template}.d")
            await self._write(f"{template}.d/nova-watchdog.conf", self._repository("managed.conf"))
        await self._write(
            f"{_UNITS}/contract-slow.service",
            "[Service]\nType=oneshot\nTimeoutStartSec=infinity\nExecStart=/bin/sleep 3600\n",
        )
        await self.systemctl("daemon-reload")
        await self.connect()
        return self

    async def close(self) -> None:
        name = self.deadline_name
        for pattern in (f"{name}@*.timer", f"{name}.service", "contract-slow.service"):
            await self.systemctl("stop", pattern, check=False)
        await self.run("sh", "-c", f"rm -rf {_UNITS}/contract-*.d {_UNITS}/contract-deadline-* {_PLACE}")
        await super().close()

    @property
    def now_s(self) -> float:
        return self.clock.now_s()

    async def managed(self, kind: str = "obedient") -> str:
        unit = await self.new_unit(kind)
        self._unit_of[unit] = unit
        await self._write(
            f"{_PLACE}/managed-units", "# by the contract suite\n" + "\n".join(self._unit_of) + "\n"
        )
        adapter = self.port
        assert isinstance(adapter, SystemdUnits)
        bus, before = adapter._bus, adapter._bus._bus
        adapter.subscribe(unit, Wakes())
        await self.eventually(lambda: bus.is_ready and bus._bus is not before)  # it makes a new connection
        return unit

    async def many_running(self, count: int) -> list[str]:
        """So many deaf units with two processes each, unwatched."""
        units = [f"contract-many@{number}.service" for number in range(count)]
        await self._write(f"{_UNITS}/contract-many@.service", _UNIT.format(script=_MANY, more=DEAF))
        await self._write(f"{_PLACE}/managed-units", "\n".join(units))
        await self.systemctl("daemon-reload")
        await self.systemctl("start", *units)
        return units

    async def state(self, unit: str) -> UnitState:
        return await self.port.read(unit)

    async def until(self, condition: Callable[[], Awaitable[object]]) -> None:
        await _until(condition)

    async def queue_start(self, unit: str) -> None:
        """Its start waits for one that takes an hour."""
        await self._write(
            f"{_UNITS}/{unit}.d/slow.conf", "[Unit]\nAfter=contract-slow.service\n", parents=True
        )
        await self.systemctl("daemon-reload")
        await self.systemctl("start", "--no-block", "contract-slow.service")
        await self.systemctl("start", "--no-block", unit)

    async def token_names(self) -> list[str]:
        return (await self.run("ls", f"{_PLACE}/tokens", check=False)).split()

    async def break_tokens(self) -> None:
        await self.run("sh", "-c", f"rm -rf {_PLACE}/tokens; echo > {_PLACE}/tokens")

    async def why_refused(self, unit: str) -> str:
        return await self.run("journalctl", "--no-pager", "--output=cat", "--lines=8", f"--unit={unit}")

    async def processes_of(self, unit: str) -> list[str]:
        """The numbers of all its processes."""
        group = await self.systemctl("show", "--property=ControlGroup", "--value", unit)
        if not group:
            return []
        files = f"/sys/fs/cgroup{group}/cgroup.procs", f"/sys/fs/cgroup/systemd{group}/cgroup.procs"
        return (await self.run("sh", "-c", 'cat "$@" 2>/dev/null', "sh", *files, check=False)).split()

    def _repository(self, name: str) -> str:
        return self._moved((_REPOSITORY / name).read_text())

    def _moved(self, text: str) -> str:
        for name, other in (("nova-watchdog-deadline", self.deadline_name), *_MOVED.items()):
            text = text.replace(name, other)
        return text

    async def _write(self, path: str, text: str, *, parents: bool = False) -> None:
        if parents:
            await self.run("mkdir", "-p", str(Path(path).parent))
        await super()._write(path, text)


async def _until(condition: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await condition():  # noqa: ASYNC110 - systemd is asked
            await asyncio.sleep(0.02)
