"""A systemd with services that crash, are stopped by people, and take their time."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from nova_watchdog.core.model import ActiveState, LoadState, StopCause, UnitState
from nova_watchdog.ports import ActionRefusedError, Clock, ProbeError, ResultUnknownError
from nova_watchdog.simulation.parts.unit_states import (
    NEVER_STARTED,
    NOT_FOUND,
    ended,
    inferred,
    obstacle_to_kill,
    obstacle_to_start,
    running,
)


@dataclass
class _Unit:
    state: UnitState
    wakes: list[Callable[[], None]] = field(default_factory=list)
    # A unit that nothing refers to is forgotten after a clean end, with all its timestamps.
    is_referenced: bool = True


class FakeSystemd:
    """`ports.Units`, and the hands of everybody else on the same units.

    Starts are instantaneous (`Type=simple`). `starts` and `kills` list (time, unit) of what this
    port did.
    """

    def __init__(self, clock: Clock, *units: str) -> None:
        self._clock = clock
        self._units: dict[str, _Unit] = {}
        self._pids = itertools.count(100)
        self._invocations = itertools.count(1)
        self._lost_because: str | None = None
        self._refusal: str | None = None
        self._answers = True
        self._start_dies_with: int | None = None
        self.starts: list[tuple[float, str]] = []
        self.kills: list[tuple[float, str]] = []
        self.restarts: list[tuple[float, str]] = []
        self._stops_at_once = True
        for unit in units:
            self.add(unit)

    # --- the port

    async def read(self, unit: str) -> UnitState:
        self._require_bus()
        found = self._units.get(unit)
        return NOT_FOUND if found is None else found.state

    def subscribe(self, unit: str, wake: Callable[[], None]) -> None:
        self._units.setdefault(unit, _Unit(NOT_FOUND)).wakes.append(wake)

    async def start(self, unit: str, *, expected_invocation: str) -> None:
        if self._lost_because is not None:
            raise ActionRefusedError(f"not started: {self._lost_because}")
        state = (await self.read(unit)) if unit in self._units else NOT_FOUND
        if (obstacle := obstacle_to_start(state, expected_invocation)) is not None:
            raise ActionRefusedError(f"not started: {obstacle}")
        if self._refusal is not None:
            raise ActionRefusedError(self._refusal)
        self.starts.append((self._clock.now_s(), unit))
        self._run(unit)
        if not self._answers:
            raise ResultUnknownError("no answer from systemd to StartUnit")

    async def kill(self, unit: str, *, expected_invocation: str) -> None:
        if self._lost_because is not None:
            raise ActionRefusedError(f"not killed: {self._lost_because}")
        state = (await self.read(unit)) if unit in self._units else NOT_FOUND
        if (obstacle := obstacle_to_kill(state, expected_invocation)) is not None:
            raise ActionRefusedError(f"not killed: {obstacle}")
        if self._refusal is not None:
            raise ActionRefusedError(self._refusal)
        self.kills.append((self._clock.now_s(), unit))
        self.kill_by_human(unit)
        if not self._answers:
            raise ResultUnknownError("no answer from systemd to KillUnit")

    async def restart(self, unit: str, *, expected_invocation: str) -> None:
        if self._lost_because is not None:
            raise ActionRefusedError(f"not restarted: {self._lost_because}")
        state = (await self.read(unit)) if unit in self._units else NOT_FOUND
        if (obstacle := obstacle_to_kill(state, expected_invocation)) is not None:
            raise ActionRefusedError(f"not restarted: {obstacle}")
        if self._refusal is not None:
            raise ActionRefusedError(self._refusal)
        self.restarts.append((self._clock.now_s(), unit))
        self._change(unit, active=ActiveState.DEACTIVATING, sub="stop-sigterm", job="restart")
        if self._stops_at_once:
            self.finish_restart(unit)
        if not self._answers:
            raise ResultUnknownError("no answer from systemd to TryRestartUnit")

    # --- everybody else

    def add(self, unit: str, *, is_referenced: bool = True) -> None:
        """Install a unit file."""
        before = self._units.get(unit)
        self._units[unit] = _Unit(NEVER_STARTED, before.wakes if before else [], is_referenced)
        self._wake(unit)

    def set_load(self, unit: str, load: LoadState) -> None:
        """Mask the unit, break its file, or remove it (`systemctl daemon-reload` included)."""
        self._change(unit, load=load)

    def start_by_human(self, unit: str) -> None:
        """`systemctl start`: no change when it runs."""
        if self._units[unit].state.is_down:
            self._run(unit)

    def stop_by_human(self, unit: str) -> None:
        """`systemctl stop` of a process that ends at once. A crashed unit stays failed, but stays down."""
        if self._units[unit].state.active is ActiveState.FAILED:
            self._change(unit, stop_cause=StopCause.FOREIGN_JOB)
        elif not self._units[unit].state.is_down:
            self._end(unit, ActiveState.INACTIVE, "success", "signal=TERM", StopCause.FOREIGN_JOB)

    def begin_stop_by_human(self, unit: str) -> None:
        """`systemctl stop --no-block` of a process that takes its time; `finish_stop` follows."""
        self._change(unit, active=ActiveState.DEACTIVATING, sub="stop-sigterm", job="stop")

    def finish_stop(self, unit: str, *, killed: bool = False) -> None:
        """The process ended, or systemd lost patience and killed it."""
        if killed:
            self._end(
                unit, ActiveState.FAILED, "timeout", "result=timeout signal=KILL", StopCause.FOREIGN_JOB
            )
        else:
            self._end(unit, ActiveState.INACTIVE, "success", "exit-code=0", StopCause.FOREIGN_JOB)

    def restart_by_human(self, unit: str) -> None:
        """`systemctl restart`."""
        self.stop_by_human(unit)
        self._run(unit)

    def kill_by_human(self, unit: str) -> None:
        """`kill -9` of the main process."""
        self._end(unit, ActiveState.FAILED, "signal", "signal=KILL", StopCause.BY_ITSELF)

    def exit(self, unit: str, code: int) -> None:
        """The process exits by itself."""
        if code == 0:
            self._end(unit, ActiveState.INACTIVE, "success", "exit-code=0", StopCause.BY_ITSELF)
        else:
            self._end(unit, ActiveState.FAILED, "exit-code", f"exit-code={code}", StopCause.BY_ITSELF)

    def stop_slowly(self) -> None:
        """A restart waits for `finish_restart`."""
        self._stops_at_once = False

    def finish_restart(self, unit: str) -> None:
        """The old process of a restart ended, and the new one begins."""
        self._end(unit, ActiveState.INACTIVE, "success", "exit-code=0", StopCause.OWN_JOB)
        self._run(unit)

    def reset_failed(self, unit: str) -> None:
        """`systemctl reset-failed`."""
        if self._units[unit].state.active is ActiveState.FAILED:
            self._change(unit, active=ActiveState.INACTIVE, sub="dead", result="success", detail="")
            self._forget_if_unreferenced(unit)

    def daemon_was_away(self) -> None:
        """This port's memory of who ended what is gone: a new daemon asks."""
        for name, unit in self._units.items():
            if unit.state.is_down:
                # Of a stop that ended in a kill the timestamps tell.
                cause = inferred(unit.state, told_to_end=unit.state.result == "timeout")
                self._units[name].state = replace(unit.state, stop_cause=cause)

    def lose_bus(self, reason: str = "no connection to the system bus") -> None:
        """`systemctl stop dbus`: nothing can be read, everybody is woken."""
        self._lost_because = reason
        self._wake_all()

    def find_bus(self) -> None:
        """The bus is back, everybody is woken."""
        self._lost_because = None
        self._wake_all()

    def refuse_starts(self, reason: str | None) -> None:
        """polkit says no to starts and kills, until None."""
        self._refusal = reason

    def answer_starts(self, *, answers: bool) -> None:
        """Whether the answer to a start or a kill arrives; the request itself does."""
        self._answers = answers

    def let_starts_die(self, code: int | None) -> None:
        """Each process started from now on exits at once with this code (a broken nova.conf), until None."""
        self._start_dies_with = code

    # --- inside

    def _run(self, unit: str) -> None:
        held = self._units[unit]
        held.state = running(
            held.state, self._clock.now_s(), next(self._pids), f"{next(self._invocations):032x}"
        )
        self._wake(unit)
        if self._start_dies_with is not None:
            self.exit(unit, self._start_dies_with)

    def _end(self, unit: str, active: ActiveState, result: str, detail: str, cause: StopCause) -> None:
        held = self._units[unit]
        held.state = ended(held.state, self._clock.now_s(), active, result, detail, cause)
        self._wake(unit)
        self._forget_if_unreferenced(unit)

    def _forget_if_unreferenced(self, unit: str) -> None:
        held = self._units[unit]
        if not held.is_referenced and held.state.active is ActiveState.INACTIVE:
            held.state = replace(NEVER_STARTED, stop_cause=held.state.stop_cause)

    def _change(self, unit: str, **changes: object) -> None:
        held = self._units[unit]
        held.state = replace(held.state, **changes)  # type: ignore[arg-type]
        self._wake(unit)

    def _wake(self, unit: str) -> None:
        if self._lost_because is None:
            for wake in self._units[unit].wakes:
                wake()

    def _wake_all(self) -> None:
        for held in self._units.values():
            for wake in held.wakes:
                wake()

    def _require_bus(self) -> None:
        if self._lost_because is not None:
            raise ProbeError(self._lost_because)
