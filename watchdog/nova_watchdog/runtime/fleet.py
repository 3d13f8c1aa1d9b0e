"""All pairings together: the picture that telemetry shows, and the proof that the loops move."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from nova_watchdog.core.breaker import Peer
from nova_watchdog.core.snapshot import FleetSnapshot, PairingSnapshot
from nova_watchdog.ports import Clock, Manager
from nova_watchdog.runtime.pairing_loop import PairingLoop
from nova_watchdog.runtime.probe import Probe

_BEAT_S = 1.0
# A tick may hold a slow D-Bus read, a write and one action, each with a bound of its own.
_STUCK_AFTER_S = 45.0
# So long a loop that is taken out may take to end its tick; less, so that the others' proof of life goes on.
_LAST_TICK_S = 30.0


class _Runs(Protocol):
    """A probe or a pairing's loop."""

    async def run(self) -> None:
        """Run until cancelled."""
        ...


class Fleet:
    """Runs every loop and probe; `snapshot()` is cheap and has no side effect."""

    def __init__(self, controller: str, version: str, clock: Clock, manager: Manager) -> None:
        self._controller = controller
        self._version = version
        self._clock = clock
        self._manager = manager
        self._started_wall_s = clock.wall_s()
        self._actions: Counter[tuple[str, str, str, str]] = Counter()
        self._lag_s = 0.0
        self._group: asyncio.TaskGroup | None = None
        self._tasks: dict[_Runs, asyncio.Task[None]] = {}
        self.loops: list[PairingLoop] = []
        self.probes: list[Probe[Any]] = []
        self._pulses: list[tuple[Callable[[], float], float]] = []

    def lives_with(self, went_round_at_s: Callable[[], float], within_s: float) -> None:
        """Another loop that is needed: when it last went round, and how long that may take."""
        self._pulses.append((went_round_at_s, within_s))

    def counter_for(self, pairing_name: str) -> Callable[[str, str, str], None]:
        """A function that counts one action of that pairing: (rule, action, outcome)."""
        return partial(self.count, pairing_name)

    def count(self, pairing: str, rule: str, action: str, outcome: str) -> None:
        """Count one action."""
        self._actions[pairing, rule, action, outcome] += 1

    def loop(self, pairing: str) -> PairingLoop | None:
        """The loop of that pairing, None: it is not watched."""
        return next((loop for loop in self.loops if loop.pairing.name == pairing), None)

    def shown(self, pairing: str) -> PairingSnapshot | None:
        """The last snapshot of that pairing's loop, None: it is not watched, or was not looked at yet."""
        loop = self.loop(pairing)
        return loop.snapshot if loop else None

    def note(self, pairing: str, action: str, why: str) -> None:
        """Keep something in that pairing's history, if it is watched."""
        if (loop := self.loop(pairing)) is not None:
            loop.note(action, why)

    def peers(self) -> list[Peer]:
        """Every pairing as the breaker of the others sees it."""
        return [loop.peer() for loop in self.loops]

    async def take(self, probes: Sequence[Probe[Any]], loops: Sequence[PairingLoop]) -> None:
        """Run exactly these from now on: what is new starts, what is missing ends, the rest goes on.

        A loop that is missing ends its tick first: what it decided is done and told, or not begun.
        """
        wanted: set[_Runs] = {*probes, *loops}
        gone = {one: task for one, task in self._tasks.items() if one not in wanted}
        for one, task in gone.items():
            if isinstance(one, PairingLoop):
                one.retire()
            else:
                task.cancel()
        if gone:
            _, late = await asyncio.wait(gone.values(), timeout=_LAST_TICK_S)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        for one in gone:
            del self._tasks[one]
        self.probes, self.loops = list(probes), list(loops)
        if self._group is not None:
            self._start_missing(self._group)

    def _start_missing(self, group: asyncio.TaskGroup) -> None:
        runs: list[_Runs] = [*self.probes, *self.loops]
        for one in runs:
            if one not in self._tasks:
                name = f"pairing {one.pairing.name}" if isinstance(one, PairingLoop) else "probe"
                self._tasks[one] = group.create_task(one.run(), name=name)

    def snapshot(self) -> FleetSnapshot:
        """Everything as it stands now."""
        shown = [loop.snapshot for loop in self.loops if loop.snapshot]
        return FleetSnapshot(
            controller=self._controller,
            version=self._version,
            started_wall_s=self._started_wall_s,
            wall_s=self._clock.wall_s(),
            now_s=self._clock.now_s(),
            pairings={one.pairing.name: one for one in shown},
            probes=tuple(probe.snapshot for probe in self.probes),
            actions=dict(self._actions),
            loop_lag_s=self._lag_s,
        )

    async def run(self) -> None:
        """Run until cancelled. An error that nobody foresaw ends the daemon: systemd starts it anew."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            self._start_missing(group)
            group.create_task(self._beat(), name="beat")

    async def _beat(self) -> None:
        """Measure the loop's lag, and tell the manager that we live only while every pairing ticks."""
        announced = False
        while True:
            due_s = self._clock.now_s() + _BEAT_S
            await asyncio.sleep(_BEAT_S)
            now_s = self._clock.now_s()
            self._lag_s = max(0.0, now_s - due_s)
            ticked = [loop.snapshot.ticked_at_s for loop in self.loops if loop.snapshot]
            if len(ticked) < len(self.loops):
                continue
            if not announced:
                self._manager.ready(self.status())
                announced = True
            others = all(now_s - at_s() < within_s for at_s, within_s in self._pulses)
            if others and now_s - min(ticked) < _STUCK_AFTER_S:
                self._manager.alive(self.status())

    def status(self) -> str:
        """How many pairings there are of each diagnosis, for the service manager."""
        words = Counter(
            loop.snapshot.decision.diagnosis.diagnosis.value for loop in self.loops if loop.snapshot
        )
        return ", ".join(f"{count} {word}" for word, count in sorted(words.items()))
