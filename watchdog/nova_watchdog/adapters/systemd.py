"""systemd over D-Bus: the state of units by signal, their start by a job, their end by SIGKILL.

Follows org.freedesktop.systemd1(5). A signal never acts and never reads: it updates the memory of
who ended a unit, and wakes the unit's subscriber, which then reads afresh.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from typing import Any

from dbus_fast import Message, Variant

from nova_watchdog.core.model import ActiveState, LoadState, StopCause, UnitState
from nova_watchdog.ports import ActionRefusedError, Clock, ProbeError

from ._carrier import Carrier
from ._stop_memory import NO_JOB, StopMemory, UnitChange
from ._systemd_bus import (
    MANAGER,
    MANAGER_PATH,
    PROPERTIES,
    SYSTEMD,
    BusLostError,
    CallFailedError,
    CallTimeoutError,
    OnAnswer,
    SystemBus,
)
from ._systemd_calls import act
from ._systemd_deadline import SystemdDeadline
from ._systemd_stops import SystemdStops
from ._unit_properties import object_path, unit_change, unit_state, was_told_to_end

_JOB = "org.freedesktop.systemd1.Job"
_UNIT = "org.freedesktop.systemd1.Unit"
_CALL_TIMEOUT_S = 5.0
_READ_ATTEMPTS = 5


class _Watched:
    """One unit: who is to be woken, and how it ended."""

    def __init__(self, unit: str) -> None:
        self.path = object_path(unit)
        self.wakes: list[Callable[[], None]] = []
        self.memory = StopMemory()
        self.last: UnitChange | None = None

    def wake(self) -> None:
        for wake in self.wakes:
            wake()


class SystemdUnits:
    """`ports.Units` on the system bus, or on the bus at `bus_address` (D-Bus server address).

    Subscribe before `connect` where possible: what happens before a unit is watched was not seen.
    """

    def __init__(self, clock: Clock, bus_address: str | None = None) -> None:
        self._watched: dict[str, _Watched] = {}
        self._by_path: dict[str, _Watched] = {}
        self._clock = clock
        self._carrier = Carrier()
        self._bus = SystemBus(
            clock,
            bus_address,
            prepare=self._prepare,
            on_signal=self._on_signal,
            on_edge=self._wake_all,
        )

    async def connect(self) -> None:
        """Connect and watch; a bus that is not there yet is tried again for ever, in the background."""
        await self._bus.start(timeout_s=_CALL_TIMEOUT_S)

    async def close(self) -> None:
        """Leave the bus, once what was asked for is carried out."""
        await self._carrier.close()
        await self._bus.stop()

    def subscribe(self, unit: str, wake: Callable[[], None]) -> None:
        """Call `wake` on each change of the unit or its jobs, and after the bus was lost and found."""
        watched = self._watched.get(unit)
        if watched is None:
            watched = self._watched[unit] = _Watched(unit)
            self._by_path[watched.path] = watched
            if self._bus.is_ready:
                # A new unit needs match rules and a first state, in that order: what a new
                # connection gets anyway.
                self._bus.drop("another unit is to be watched")
        watched.wakes.append(wake)

    async def read(self, unit: str) -> UnitState:
        """The unit's state now: one `GetAll`, and the type of its job when it has one. Raises ProbeError."""
        return (await self._look(unit))[0]

    async def _look(self, unit: str) -> tuple[UnitState, str]:
        """The unit's state and control group: a dead unit has one only while processes are left in it."""
        try:
            properties, job = await self._moment(unit)
            state = self._state(unit, properties, job)
            if state.is_down and state.stop_cause is StopCause.FOREIGN_JOB:
                await self._require_no_shutdown()
        except (BusLostError, CallTimeoutError, CallFailedError) as error:
            raise ProbeError(str(error)) from error
        except KeyError as error:
            raise ProbeError(f"systemd did not tell {error} of {unit}") from error
        return state, str(properties.get("ControlGroup", ""))

    def _state(self, unit: str, properties: Mapping[str, Any], job: str | None) -> UnitState:
        own_name = properties.get("Id", unit)
        if own_name != unit:
            # systemd's signals speak of the own name alone: nobody would be woken when the process dies.
            raise ProbeError(f"{unit} is an alias of {own_name}: the configuration must name the unit itself")
        watched = self._watched.get(unit)
        memory = StopMemory() if watched is None else watched.memory
        cause = memory.cause(
            unit_change(properties),
            has_process=properties.get("MainPID", 0) != 0,
            ever_started=properties.get("ExecMainStartTimestampMonotonic", 0) != 0,
            job_type=job,
            told_to_end=was_told_to_end(properties),
        )
        return unit_state(properties, job=job, stop_cause=cause)

    async def start(self, unit: str, *, expected_invocation: str) -> None:
        """Queue a start in job mode `fail`. Raises ActionRefusedError, ResultUnknownError."""
        try:
            state, group = await self._look(unit)
        except ProbeError as error:
            raise ActionRefusedError(f"not started, its state cannot be read: {error}") from error
        if (obstacle := _obstacle(state, expected_invocation)) is not None:
            raise ActionRefusedError(f"not started: {obstacle}")
        if group:
            raise ActionRefusedError(f"not started: processes of its last run are left in {group}")
        if state.active is ActiveState.FAILED:
            # The daemon's budget takes the place of systemd's start limit. Whether that one was hit
            # does not show: `Result` keeps the earlier failure (seen with systemd 252).
            await act(self._bus, "ResetFailedUnit", "s", unit, timeout_s=_CALL_TIMEOUT_S)
        await act(
            self._bus,
            "StartUnit",
            "ss",
            unit,
            "fail",
            timeout_s=_CALL_TIMEOUT_S,
            on_answer=self._own_job(unit),
        )

    async def kill(self, unit: str, *, expected_invocation: str) -> None:
        """SIGKILL to every process of the unit. Raises ActionRefusedError, ResultUnknownError.

        No job is involved, so its end reads as the process's own (`StopCause.BY_ITSELF`).
        """
        try:
            state = await self.read(unit)
        except ProbeError as error:
            raise ActionRefusedError(f"not killed, its state cannot be read: {error}") from error
        if (obstacle := _obstacle_to_kill(state, expected_invocation)) is not None:
            raise ActionRefusedError(f"not killed: {obstacle}")
        await act(self._bus, "KillUnit", "ssi", unit, "all", int(signal.SIGKILL), timeout_s=_CALL_TIMEOUT_S)

    async def restart(self, unit: str, *, expected_invocation: str) -> None:
        """`ports.UnitRestarts`: a `try-restart`, which starts nothing that stopped in between.

        Raises ActionRefusedError, ResultUnknownError.
        """
        try:
            state = await self.read(unit)
        except ProbeError as error:
            raise ActionRefusedError(f"not restarted, its state cannot be read: {error}") from error
        obstacle = _obstacle_to_kill(state, expected_invocation)
        if obstacle is None and state.active is ActiveState.ACTIVATING:
            obstacle = "it is activating"
        if obstacle is not None:
            raise ActionRefusedError(f"not restarted: {obstacle}")
        await act(
            self._bus,
            "TryRestartUnit",
            "ss",
            unit,
            "fail",
            timeout_s=_CALL_TIMEOUT_S,
            on_answer=self._own_job(unit),
        )

    def stops(self) -> SystemdStops:
        """`ports.UnitStops` on this connection: what it stops is known here as this daemon's own."""
        return SystemdStops(self._bus, self._carrier, self._own_job)

    def deadline(self) -> SystemdDeadline:
        """`ports.Deadline` on this connection."""
        return SystemdDeadline(self._bus, self._carrier, self._clock)

    def _own_job(self, unit: str) -> OnAnswer:
        """What takes the job of an answer as this daemon's own.

        Unless it was there before the call was sent: systemd lets the same wish of two share one job, and
        the other one's counts.
        """
        watched = self._watched.get(unit)
        before = frozenset() if watched is None else watched.memory.pending_jobs

        def note(body: list[Any]) -> None:
            job_id = _job_id(str(body[0]))
            if watched is not None and job_id not in before:
                watched.memory.job_is_own(job_id)

        return note

    async def _prepare(self) -> None:
        """Watch everything on a new connection, then take each unit's state from which on all is seen."""
        for rule in self._match_rules():
            await self._bus.add_match(rule, timeout_s=_CALL_TIMEOUT_S)
        await self._manager("Subscribe", "")
        for watched in list(self._watched.values()):
            watched.last = None  # signals older than the state below would only confuse
            change = unit_change(await self._properties(watched.path))
            watched.last = change
            watched.memory.watch_began(change)

    def _match_rules(self) -> list[str]:
        manager = f"type='signal',sender='{SYSTEMD}',path='{MANAGER_PATH}',interface='{MANAGER}'"
        # Not UnitNew and UnitRemoved: reading a unit that nothing refers to loads and unloads it, so
        # our own read would wake us again. A start of such a unit shows by JobNew, a changed unit
        # file by Reloading.
        rules = [
            f"type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='{SYSTEMD}'",
            f"{manager},member='Reloading'",
        ]
        for unit, watched in self._watched.items():
            rules += [f"{manager},member='{member}',arg2='{unit}'" for member in ("JobNew", "JobRemoved")]
            rules.append(
                f"type='signal',sender='{SYSTEMD}',path='{watched.path}',"
                f"interface='{PROPERTIES}',member='PropertiesChanged'"
            )
        return rules

    def _on_signal(self, message: Message) -> None:
        if message.member == "PropertiesChanged":
            self._on_properties(message)
        elif message.member in ("JobNew", "JobRemoved"):
            self._on_job(message.member, message.body)
        elif message.member == "Reloading" and not message.body[0]:
            self._wake_all()
        elif message.member == "NameOwnerChanged" and message.body[2]:
            # PID 1 is on the bus anew (daemon-reexec): subscribe again, look again.
            self._bus.drop("systemd is on the bus anew")

    def _on_properties(self, message: Message) -> None:
        watched = self._by_path.get(message.path or "")
        if watched is None or watched.last is None:
            return
        if message.body[0] == _UNIT:
            watched.last = unit_change(_plain(message.body[1]), watched.last)
            watched.memory.changed(watched.last)
        watched.wake()

    def _on_job(self, member: str, body: list[Any]) -> None:
        watched = self._watched.get(body[2])
        if watched is None or watched.last is None:
            return
        if member == "JobNew":
            watched.memory.job_new(int(body[0]))
        else:
            watched.memory.job_removed(int(body[0]), str(body[3]))
        watched.wake()

    def _wake_all(self) -> None:
        for watched in self._watched.values():
            watched.wake()

    async def _moment(self, unit: str) -> tuple[Mapping[str, Any], str | None]:
        """The unit's properties and the type of its pending job, both of one moment."""
        for _ in range(_READ_ATTEMPTS):
            properties = await self._properties(object_path(unit))
            job_id, job_path = properties["Job"]
            if job_id == NO_JOB:
                return properties, None
            job_type = await self._job_type(unit, job_id, job_path)
            if job_type is not None:
                return properties, job_type
            # The job ended between the two calls, and the state with it: look again.
        raise ProbeError(f"the jobs of {unit} change faster than they can be read")

    async def _job_type(self, unit: str, job_id: int, job_path: str) -> str | None:
        """The type of a job, None when it is over."""
        try:
            answer = await self._bus.call(
                job_path, PROPERTIES, "Get", "ss", _JOB, "JobType", timeout_s=_CALL_TIMEOUT_S
            )
        except CallFailedError:
            return None
        job_type = str(answer[0].value)
        if (watched := self._watched.get(unit)) is not None:
            watched.memory.job_has_type(job_id, job_type)
        return job_type

    async def _require_no_shutdown(self) -> None:
        """Raise ProbeError while the machine shuts down: that stops every unit, and is no wish for one."""
        answer = await self._bus.call(
            MANAGER_PATH, PROPERTIES, "Get", "ss", MANAGER, "SystemState", timeout_s=_CALL_TIMEOUT_S
        )
        if answer and answer[0].value == "stopping":
            raise ProbeError("the machine is shutting down: why the unit was stopped cannot be told")

    async def _properties(self, path: str) -> Mapping[str, Any]:
        # The empty interface name means all of them: one answer, so one moment, for Unit and Service.
        answer = await self._bus.call(path, PROPERTIES, "GetAll", "s", "", timeout_s=_CALL_TIMEOUT_S)
        return _plain(answer[0])

    async def _manager(self, member: str, signature: str, *body: str | int) -> list[Any]:
        return await self._bus.call(
            MANAGER_PATH, MANAGER, member, signature, *body, timeout_s=_CALL_TIMEOUT_S
        )


def _obstacle(state: UnitState, expected_invocation: str) -> str | None:
    """Why a unit must not be started now, or None."""
    if state.load is not LoadState.LOADED:
        return f"systemd says the unit is {state.load.value}"
    if state.has_process:
        return f"it has a process ({state.main_pid})"
    if state.job is not None:
        return f"a {state.job} job is pending"
    if not state.is_down:
        return f"it is {state.active.value}"
    return _obstacle_of_another_run(state, expected_invocation)


def _obstacle_to_kill(state: UnitState, expected_invocation: str) -> str | None:
    """Why a unit's processes must not be killed now, or None."""
    if not state.has_process:
        return f"it has no process, it is {state.active.value}"
    if state.job is not None:
        return f"a {state.job} job is pending"
    if not state.runs:
        return f"it is {state.active.value}"
    return _obstacle_of_another_run(state, expected_invocation)


def _obstacle_of_another_run(state: UnitState, expected_invocation: str) -> str | None:
    if state.invocation_id != expected_invocation:
        return "it was started by somebody since it was last looked at"
    return None


def _job_id(path: str) -> int:
    number = path.rsplit("/", 1)[-1]
    return int(number) if number.isdigit() else NO_JOB


def _plain(properties: Mapping[str, Variant]) -> dict[str, Any]:
    return {name: value.value for name, value in properties.items()}
