"""The simulated worlds in which the contracts are tested: virtual time runs along with the test's loop."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from random import Random

from contracts.units_worlds import PlayedWorld, Wakes
from contracts.waiting import until
from nova_watchdog.simulation.parts.machine import Machine
from nova_watchdog.simulation.parts.network import Network
from nova_watchdog.simulation.parts.store import SimulatedStore, StorePort
from nova_watchdog.simulation.parts.systemd import SimulatedSystemd
from nova_watchdog.simulation.timeline import Timeline

_TURN_S, _TRUE_TURN_S = 0.02, 0.001


class Running:
    """Lets the timeline go on while the test waits."""

    def __init__(self) -> None:
        self.timeline = Timeline()
        self._task = asyncio.ensure_future(self._run())

    async def close(self) -> None:
        """Time stops."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        while True:
            self.timeline.run_until(self.timeline.now_s + _TURN_S)
            await asyncio.sleep(_TRUE_TURN_S)


class SimulatedStoreWorld(Running):
    """One controller's port to the simulated store."""

    def __init__(self) -> None:
        super().__init__()
        network = Network(self.timeline, Random(1))  # noqa: S311 - chance that repeats
        self.port = StorePort("ctl1", SimulatedStore(), network, self.timeline, timeout_s=30.0)


class SimulatedUnitsWorld(PlayedWorld, Running):
    """A simulated machine's systemd, and everybody's hands on it."""

    def __init__(self) -> None:
        super().__init__()
        machine = Machine("ctl1", self.timeline)
        self.clock = machine.clock
        self.systemd: SimulatedSystemd = SimulatedSystemd(machine, {})
        self.port = self.systemd
        self._stubborn: set[str] = set()
        self._numbers = itertools.count()
        self.systemd.stop_takes = lambda unit: 1e6 if unit in self._stubborn else 0.05

    async def watch(self, *, is_stubborn: bool = False) -> tuple[str, Wakes]:
        unit, wakes = f"contract@{next(self._numbers)}.service", Wakes()
        self.systemd.add(unit)
        if is_stubborn:
            self._stubborn.add(unit)
        self.port.subscribe(unit, wakes)
        return unit, wakes

    async def eventually(self, condition: object) -> None:
        assert callable(condition)
        await until(condition)

    async def start_by_human(self, unit: str) -> None:
        self.systemd.start_by_human(unit)
        await self._rest(unit)

    async def stop_by_human(self, unit: str) -> None:
        self.systemd.stop_by_human(unit)
        await self._rest(unit)

    async def restart_by_human(self, unit: str) -> None:
        self.systemd.restart_by_human(unit)
        await self._rest(unit)

    async def begin_stubborn_stop(self, unit: str) -> None:
        self.systemd.stop_by_human(unit)

    async def end_stubborn_stop(self, unit: str) -> None:
        self.timeline.run_until(self.timeline.now_s + 181)
        await self._rest(unit)

    async def _rest(self, unit: str) -> None:
        """`systemctl` waits for its job."""
        state = self.systemd.services[unit]
        await until(lambda: state.state.job is None and state.state.sub != "condition")
