"""How a unit is set up: systemd's properties over D-Bus, and the files around it. Nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from dbus_fast import Variant

from nova_watchdog.core.model import LoadState
from nova_watchdog.core.setup import Command, Process, UnitSetup
from nova_watchdog.ports import Clock, ProbeError

from . import _unit_files
from ._systemd_bus import PROPERTIES, BusLostError, CallFailedError, CallTimeoutError, SystemBus
from ._unit_properties import object_path
from ._worker import Worker, WorkerTimeoutError

T = TypeVar("T")

_CALL_TIMEOUT_S = 5.0
_FILES_TIMEOUT_S = 5.0
# Every pairing asks for all nova-computes of the machine, one right after the other.
_COMPUTES_LAST_S = 1.0


class FileReader(Generic[T]):
    """Reads files in a thread of its own: where they lie on a file system that hangs, only this one hangs.

    read: blocks, and raises ProbeError.
    """

    def __init__(self, name: str, read: Callable[[], T]) -> None:
        self._read = read
        self._worker = Worker(name)

    async def __call__(self) -> T:
        """What `read` gives. Raises ProbeError."""
        try:
            return await self._worker.run(self._read, timeout_s=_FILES_TIMEOUT_S)
        except WorkerTimeoutError as error:
            raise ProbeError(f"reading files hangs: {error}") from error

    def close(self) -> None:
        """End the thread after its call."""
        self._worker.stop()


class SystemdManagedUnits:
    """`ports.ManagedUnits` on the system bus, or on the bus at `bus_address`; files below `root`."""

    def __init__(self, clock: Clock, bus_address: str | None = None, root: Path = Path("/")) -> None:
        self._root = root
        self._clock = clock
        self._worker = Worker("managed-units")
        self._computes: tuple[Process, ...] = ()
        self._computes_at_s = -_COMPUTES_LAST_S
        self._bus = SystemBus(
            clock, bus_address, prepare=_nothing_to_prepare, on_signal=lambda _: None, on_edge=lambda: None
        )

    async def connect(self) -> None:
        """Connect; a bus that is not there yet is tried again for ever, in the background."""
        await self._bus.start(timeout_s=_CALL_TIMEOUT_S)

    async def close(self) -> None:
        """Leave the bus."""
        await self._bus.stop()
        self._worker.stop()

    async def read(self, unit: str) -> UnitSetup:
        """The unit's setup now, and that of its process. Raises ProbeError."""
        try:
            answer = await self._bus.call(
                object_path(unit), PROPERTIES, "GetAll", "s", "", timeout_s=_CALL_TIMEOUT_S
            )
        except (BusLostError, CallTimeoutError, CallFailedError) as error:
            raise ProbeError(str(error)) from error
        properties = {name: value.value for name, value in _variants(answer).items()}
        own_name = properties.get("Id", unit)
        if own_name != unit:
            raise ProbeError(f"{unit} is an alias of {own_name}: the configuration must name the unit itself")
        try:
            setup = unit_setup(properties)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ProbeError(f"systemd's answer about {unit} is not understood: {error!r}") from error
        whole = partial(self._with_files, unit, setup, int(properties["MainPID"]))
        try:
            return await self._worker.run(whole, timeout_s=_FILES_TIMEOUT_S)
        except WorkerTimeoutError as error:
            raise ProbeError(f"the files around {unit} cannot be read: {error}") from error

    def _with_files(self, unit: str, setup: UnitSetup, main_pid: int) -> UnitSetup:
        process = _unit_files.process_of(self._root, main_pid) if main_pid else None
        setup = replace(setup, process=process)
        programs = [_unit_files.program_of(command.argv) for command in setup.start]
        programs.append(_unit_files.program_of(process.argv) if process else "")
        return replace(
            setup,
            listed=_unit_files.is_listed(self._root, unit),
            missing=_unit_files.missing_files(self._root),
            strays=_unit_files.strays(self._all_computes(), setup.config_files, setup.control_group),
            nova_version=_unit_files.nova_version(self._root, next(filter(None, programs), "")),
        )

    def _all_computes(self) -> tuple[Process, ...]:
        now_s = self._clock.now_s()
        if now_s - self._computes_at_s >= _COMPUTES_LAST_S:
            self._computes, self._computes_at_s = tuple(_unit_files.nova_computes(self._root)), now_s
        return self._computes


def unit_setup(properties: Mapping[str, Any]) -> UnitSetup:
    """One `GetAll` of a service. Raises KeyError and such where it is none."""
    return UnitSetup(
        load=_load(properties["LoadState"]),
        fragment=str(properties["FragmentPath"]),
        drop_ins=tuple(properties["DropInPaths"]),
        service_type=str(properties["Type"]),
        start=_commands(properties, "ExecStart"),
        conditions=_commands(properties, "ExecCondition"),
        restart=str(properties["Restart"]),
        kill_mode=str(properties["KillMode"]),
        sends_sigkill=bool(properties["SendSIGKILL"]),
        enabled=str(properties["UnitFileState"]),
        user=str(properties["User"]),
        group=str(properties["Group"]),
        control_group=str(properties["ControlGroup"]),
    )


def _commands(properties: Mapping[str, Any], name: str) -> tuple[Command, ...]:
    """`ExecStartEx` and such: path, arguments, flags, and times (org.freedesktop.systemd1(5))."""
    commands: Sequence[Any] = properties[f"{name}Ex"]
    return tuple(Command(tuple(map(str, argv)), frozenset(flags)) for _, argv, flags, *_ in commands)


def _load(text: str) -> LoadState:
    try:
        return LoadState(text)
    except ValueError:
        return LoadState.OTHER


def _variants(answer: Sequence[Any]) -> Mapping[str, Variant]:
    return answer[0] if answer and isinstance(answer[0], dict) else {}


async def _nothing_to_prepare() -> None:
    """Properties are asked for one by one: no signal is wanted."""
