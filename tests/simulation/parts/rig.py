"""A machine with one managed unit and a daemon's loop, for tests of what runs on it."""

from __future__ import annotations

from collections.abc import Coroutine
from random import Random
from typing import Any, TypeVar

from nova_watchdog.core.model import UnitState
from nova_watchdog.simulation.loop import ControllerLoop, run
from nova_watchdog.simulation.parts.machine import Machine
from nova_watchdog.simulation.parts.network import Network
from nova_watchdog.simulation.parts.systemd import SimulatedSystemd
from nova_watchdog.simulation.parts.tokens import MachineTokens
from nova_watchdog.simulation.timeline import Timeline

T = TypeVar("T")

UNIT, PAIRING = "nova-compute@a.service", "a"


class Rig:
    """`do` runs a coroutine on the daemon's loop, `wait` lets true time pass. `loops`: more daemons."""

    def __init__(self, *, rate: float = 1.0, seed: int = 1) -> None:
        self.timeline = Timeline()
        self.machine = Machine("ctl1", self.timeline, rate=rate)
        self.systemd = SimulatedSystemd(self.machine, {UNIT: PAIRING})
        self.deadline = self.systemd.deadline
        self.tokens = MachineTokens(self.machine)
        self.network = Network(self.timeline, Random(seed))  # noqa: S311 - chance that repeats
        self.loop = ControllerLoop(self.timeline, "daemon", self.machine.clock.local)
        self.loops: list[ControllerLoop] = []

    @property
    def now_s(self) -> float:
        """The machine's clock."""
        return self.machine.clock.now_s()

    @property
    def state(self) -> UnitState:
        """The unit as it is."""
        return self.systemd.services[UNIT].state

    def do(self, work: Coroutine[Any, Any, T], within_s: float = 1000.0) -> T:
        """Its result."""
        return run(self.timeline, self.loop, work, within_s)

    def wait(self, seconds: float) -> None:
        """Let true time pass."""
        self.timeline.run_until(self.timeline.now_s + seconds)

    def grant(self, for_s: float = 1e6) -> None:
        """Give the unit its token."""
        self.do(self.tokens.grant(PAIRING, self.now_s + for_s))

    def start(self) -> None:
        """A human starts it with a token, and it runs."""
        self.grant()
        self.systemd.start_by_human(UNIT)
        self.wait(1)
        assert self.state.runs
