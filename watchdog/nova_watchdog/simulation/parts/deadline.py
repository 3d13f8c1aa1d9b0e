"""The simulated dead man's switch: a systemd timer, and the service that kills every managed unit."""

from __future__ import annotations

import enum
from collections.abc import Callable

from nova_watchdog.ports import ActionRefusedError, DeadlineState
from nova_watchdog.simulation.parts.machine import Machine, Timer
from nova_watchdog.simulation.parts.service import Service
from nova_watchdog.simulation.parts.system_bus import SystemBus
from nova_watchdog.simulation.parts.tokens import remove_token

# The real one starts the timer, lists them, asks for this one's time, and stops the one before; and it lists
# them, asks, and lists them again. Where systemd is slow each of these is.
_CALLS_OF_AN_ARM, _CALLS_OF_A_READ = 4, 3


class DeadlineFault(enum.Enum):
    """What can be wrong with arming. None of it stops a timer that waits already, but for `STUCK`."""

    STUCK = "stuck"  # the restart is accepted and the timer is dead: start-limit-hit
    REFUSED = "refused"  # systemd says no
    DEAF = "deaf"  # the restart is accepted and nothing changes


class SimulatedDeadline:
    """`ports.Deadline` on a simulated systemd. managed: the units that it kills.

    kill_s: from the elapse until what it kills is dead; it looks again after that long, until every managed
    unit is dead without a job. elapses: local times at which it fired. fault: of arming, from now on.
    on_kill: told when it begins to kill.
    """

    def __init__(self, machine: Machine, bus: SystemBus, managed: Callable[[], list[Service]]) -> None:
        self._machine = machine
        self._bus = bus
        self._managed = managed
        self._timer: Timer | None = None
        self._elapses_at_s: float | None = None
        self._serving = False
        self.kill_s = 0.04
        self.fault: DeadlineFault | None = None
        self.elapses: list[float] = []
        self.on_kill: list[Callable[[], None]] = []

    async def arm(self, at_s: float) -> None:
        """Let a timer wait for that moment, whenever systemd hears of it."""
        await self._bus.tell(lambda: self._arm(at_s))
        for _ in range(_CALLS_OF_AN_ARM - 1):
            await self._bus.ask(self.now)

    async def read(self) -> DeadlineState:
        """How it stands when systemd reads it."""
        for _ in range(_CALLS_OF_A_READ - 1):
            await self._bus.ask(self.now)
        return await self._bus.ask(self.now)

    def now(self) -> DeadlineState:
        """How it stands."""
        return DeadlineState(self._elapses_at_s, self._serving, self.elapses[-1] if self.elapses else None)

    def power_off(self) -> None:
        """Nothing is armed after a boot."""
        self._forget_timer()
        self._serving = False
        self.elapses.clear()

    def _arm(self, at_s: float) -> None:
        if self.fault is DeadlineFault.REFUSED:
            raise ActionRefusedError("systemd refused to restart the deadline timer")
        if self.fault is DeadlineFault.DEAF:
            return
        self._forget_timer()
        if self.fault is None:
            self._elapses_at_s = max(at_s, self._machine.clock.now_s())
            self._timer = self._machine.call_at(self._elapses_at_s, self._elapse)

    def _forget_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._elapses_at_s = None, None

    def _elapse(self) -> None:
        """Start the service. While it runs already the elapse is swallowed."""
        self._timer, self._elapses_at_s = None, None
        self.elapses.append(self._machine.clock.now_s())
        if not self._serving:
            self._serving = True
            for tell in self.on_kill:
                tell()
            self._kill_all()

    def _kill_all(self) -> None:
        for service in self._managed():
            remove_token(self._machine, service.pairing)
            service.stop(own=False)
            service.kill(self.kill_s)
        self._machine.call_later(self.kill_s, self._look_again)

    def _look_again(self) -> None:
        if all(service.state.is_down for service in self._managed()):
            self._serving = False
        else:
            self._kill_all()
