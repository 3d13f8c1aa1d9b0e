"""A simulated machine's systemd: units with jobs that take time, start conditions, and everybody's hands."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping

from nova_watchdog.core.model import LoadState, StopCause, UnitState
from nova_watchdog.ports import ActionRefusedError, ProbeError
from nova_watchdog.simulation.parts.caller import is_dead
from nova_watchdog.simulation.parts.deadline import SimulatedDeadline
from nova_watchdog.simulation.parts.machine import Machine, Then
from nova_watchdog.simulation.parts.service import Pace, Service
from nova_watchdog.simulation.parts.system_bus import SystemBus
from nova_watchdog.simulation.parts.tokens import token_refusal
from nova_watchdog.simulation.parts.unit_states import NOT_FOUND, obstacle_to_kill, obstacle_to_start

_SHUTTING_DOWN = "the machine is shutting down"


class SimulatedSystemd:
    """`ports.Units` and `ports.UnitStops`, with `ports.Deadline` as `deadline`, on one machine.

    units: each with the pairing whose token its ExecCondition asks for; empty: it has no condition.
    bus: how the daemon reaches it, and what is wrong with that. pace: how long things take.
    queued_for_s: how long starts wait before they run. stop_takes: how long a process takes after SIGTERM.
    processes: what runs, as unit and number, whatever the daemon knows. on_began, on_ended: hear of each.
    starts, stops, kills: (local time, unit) of what these ports did. had_token: by unit, whether its token
    allowed a start when a daemon last asked to start or kill it. refusals: (local time, unit, why) of
    starts, anybody's, that a condition refused.
    """

    def __init__(self, machine: Machine, units: Mapping[str, str]) -> None:
        self.machine = machine
        self.bus = SystemBus(machine)
        self.pace = Pace()
        self.queued_for_s = 0.0
        self.stop_takes: Callable[[str], float] = lambda _unit: 4.0
        self.on_began: list[Callable[[str], None]] = []
        self.on_ended: list[Callable[[str], None]] = []
        self.processes: dict[str, int] = {}
        self.starts: list[tuple[float, str]] = []
        self.stops: list[tuple[float, str]] = []
        self.kills: list[tuple[float, str]] = []
        self.refusals: list[tuple[float, str, str]] = []
        self.had_token: dict[str, bool] = {}
        self._pids = itertools.count(100)
        self._invocations = itertools.count(1)
        self._all_dead: Then | None = None
        self.services = {unit: Service(unit, pairing, self) for unit, pairing in units.items()}
        self.deadline = SimulatedDeadline(machine, self.bus, self.managed)
        machine.on_off.append(self._power_off)
        machine.shutdown_steps.append(self._stop_all)

    @property
    def call_takes_s(self) -> float:
        """From a call of the daemon until systemd does it, and answers at once."""
        return self.bus.call_takes_s

    @call_takes_s.setter
    def call_takes_s(self, seconds: float) -> None:
        self.bus.call_takes_s = seconds

    # --- ports.Units

    async def read(self, unit: str) -> UnitState:
        """The unit's state when systemd reads it."""
        return await self.bus.ask(lambda: self._read(unit))

    def subscribe(self, unit: str, wake: Callable[[], None]) -> None:
        """Call `wake` on each change, until another daemon begins."""
        if not is_dead() and unit in self.services:
            self.services[unit].wakes.append(wake)

    async def start(self, unit: str, *, expected_invocation: str) -> None:
        """Queue a start in job mode `fail`."""
        self._note_token(unit)
        await self.bus.tell(lambda: self._start(unit, expected_invocation))

    async def kill(self, unit: str, *, expected_invocation: str) -> None:
        """SIGKILL without a job."""
        self._note_token(unit)
        await self.bus.tell(lambda: self._kill(unit, expected_invocation))

    # --- ports.UnitStops

    async def stop(self, unit: str) -> None:
        """Queue a stop with the full grace."""
        await self.bus.tell(lambda: self._stop(unit))

    async def kill_now(self, unit: str) -> None:
        """Queue a stop, and SIGKILL what runs."""
        await self.bus.tell(lambda: self._kill_now(unit))

    async def is_down_for_good(self, unit: str) -> bool:
        """Whether the machine shuts down and the unit is dead."""
        return await self.bus.ask(lambda: self.machine.is_shutting_down and self.services[unit].state.is_down)

    # --- everybody else

    def add(self, unit: str, pairing: str = "") -> None:
        """Install a unit file."""
        self.services[unit] = Service(unit, pairing, self)

    def start_by_human(self, unit: str) -> None:
        """`systemctl start`: its condition is asked like anybody's."""
        if self.machine.is_on and not self.machine.is_shutting_down:
            self.services[unit].start(queued_for_s=self.queued_for_s)

    def stop_by_human(self, unit: str) -> None:
        """`systemctl stop`."""
        if self.machine.is_on:
            self.services[unit].stop(own=False)

    def restart_by_human(self, unit: str) -> None:
        """`systemctl restart`."""
        if self.machine.is_on and not self.machine.is_shutting_down:
            self.services[unit].restart()

    def kill_by_human(self, unit: str) -> None:
        """`kill -9` of the main process."""
        self.services[unit].die_at_once()

    def exit(self, unit: str, code: int) -> None:
        """The process exits by itself."""
        self.services[unit].exit(code)

    def set_load(self, unit: str, load: LoadState) -> None:
        """Mask the unit, or remove its file."""
        self.services[unit].set_load(load)

    def daemon_was_away(self) -> None:
        """A new daemon asks: it saw nothing of what was, and the old one's subscriptions are gone."""
        for service in self.services.values():
            service.forget_who_ended_it()

    def lose_bus(self, reason: str = "no connection to the system bus") -> None:
        """`systemctl stop dbus`: nothing can be read, everybody is woken."""
        self.bus.lost_because = reason
        self._wake_all()

    def find_bus(self) -> None:
        """The bus is back, everybody is woken."""
        self.bus.lost_because = None
        self._wake_all()

    # --- what the units need (`service.Host`)

    def next_pid(self) -> int:
        """A process number."""
        return next(self._pids)

    def next_invocation(self) -> str:
        """An invocation id."""
        return f"{next(self._invocations):032x}"

    def stop_takes_s(self, unit: str) -> float:
        """How long its process takes after SIGTERM."""
        return self.stop_takes(unit)

    def refusal(self, service: Service) -> str:
        """Why the unit's ExecCondition says no now; empty: it does not."""
        why = token_refusal(self.machine, service.pairing) if service.pairing else ""
        if why:
            self.refusals.append((self.machine.clock.now_s(), service.unit, why))
        return why

    def changed(self, service: Service) -> None:
        """Wake who subscribed to it, and go on with the shutdown that waits for it."""
        if self.bus.lost_because is None:
            for wake in service.wakes:
                wake()
        if self._all_dead is not None:
            self._judge_shutdown()

    def process_began(self, service: Service) -> None:
        """Count it."""
        self.processes[service.unit] = service.state.main_pid
        for tell in self.on_began:
            tell(service.unit)

    def process_ended(self, service: Service) -> None:
        """Forget it."""
        del self.processes[service.unit]
        for tell in self.on_ended:
            tell(service.unit)

    def managed(self) -> list[Service]:
        """The units with a start condition: those that the deadline kills."""
        return [service for service in self.services.values() if service.pairing]

    # --- inside

    def _read(self, unit: str) -> UnitState:
        service = self.services.get(unit)
        if service is None:
            return NOT_FOUND
        state = service.state
        if self.machine.is_shutting_down and state.is_down and state.stop_cause is StopCause.FOREIGN_JOB:
            raise ProbeError(f"{_SHUTTING_DOWN}: why the unit was stopped cannot be told")
        return state

    def _start(self, unit: str, expected_invocation: str) -> None:
        service = self.services.get(unit)
        obstacle = obstacle_to_start(service.state if service else NOT_FOUND, expected_invocation)
        if self.machine.is_shutting_down:
            obstacle = obstacle or _SHUTTING_DOWN
        if service is None or obstacle:
            raise ActionRefusedError(f"not started: {obstacle}")
        self.starts.append((self.machine.clock.now_s(), unit))
        service.start(queued_for_s=self.queued_for_s)

    def _kill(self, unit: str, expected_invocation: str) -> None:
        service = self.services.get(unit)
        obstacle = obstacle_to_kill(service.state if service else NOT_FOUND, expected_invocation)
        if service is None or obstacle:
            raise ActionRefusedError(f"not killed: {obstacle}")
        self.kills.append((self.machine.clock.now_s(), unit))
        service.kill()

    def _note_token(self, unit: str) -> None:
        service = self.services.get(unit)
        self.had_token[unit] = service is not None and not token_refusal(self.machine, service.pairing)

    def _stop(self, unit: str) -> None:
        self.stops.append((self.machine.clock.now_s(), unit))
        if unit in self.services:
            self.services[unit].stop(own=True)

    def _kill_now(self, unit: str) -> None:
        self._stop(unit)
        if unit in self.services:
            self.services[unit].kill()

    def _wake_all(self) -> None:
        for service in self.services.values():
            for wake in service.wakes:
                wake()

    def _stop_all(self, then: Then) -> None:
        """The machine shuts down: what is not dead gets its stop, and `then` is called when all are."""
        for service in self.services.values():
            if not service.state.is_down:
                service.stop(own=False)
        self._all_dead = then
        self._judge_shutdown()

    def _judge_shutdown(self) -> None:
        if self._all_dead is not None and all(one.state.is_down for one in self.services.values()):
            then, self._all_dead = self._all_dead, None
            then()

    def _power_off(self) -> None:
        self._all_dead = None
        self.deadline.power_off()
        for service in self.services.values():
            service.power_off()
