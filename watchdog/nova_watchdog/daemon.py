"""The composition root: settings in, a running daemon out, and new settings while it runs."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from nova_watchdog import __version__
from nova_watchdog.adapters._worker import Worker, WorkerTimeoutError
from nova_watchdog.adapters.clock import SystemClock
from nova_watchdog.adapters.local_store import LocalStore, StoreLockedError
from nova_watchdog.adapters.systemd import SystemdUnits
from nova_watchdog.assembly import Assembly
from nova_watchdog.config import ConfigError, load_for_run
from nova_watchdog.config.settings import Settings
from nova_watchdog.core.hold.holding import Holding
from nova_watchdog.core.kv import kv
from nova_watchdog.core.model import Mode, Pairing
from nova_watchdog.core.permission import Pause
from nova_watchdog.core.preflight.check import Report
from nova_watchdog.core.snapshot import FleetSnapshot
from nova_watchdog.known_secrets import KnownSecrets
from nova_watchdog.ports import Manager, StoreUnavailableError
from nova_watchdog.receivers import Closer
from nova_watchdog.runtime.fleet import Fleet
from nova_watchdog.runtime.operations import Desk, Operations
from nova_watchdog.sharing import shared, to_hold
from nova_watchdog.telemetry import derived, http, logs
from nova_watchdog.unwatched import UnwatchedPairings

_log = logging.getLogger("nova_watchdog")

T = TypeVar("T")

# nova's files may lie on a file system that hangs.
_FILES_TIMEOUT_S = 30.0
# Its round waits for the store and systemd, with a bound for each pairing. By then nothing is held any more.
_KEEPER_STUCK_AFTER_S = 900.0
# What is bound or opened once, at the start.
_NEEDS_A_RESTART: Mapping[str, Callable[[Settings], object]] = {
    "controller": lambda s: s.controller,
    "http.listen": lambda s: s.http,
    "control.socket": lambda s: s.control_socket,
    "store.path": lambda s: s.store_path,
    "etcd": lambda s: s.etcd,
    "rabbitmq_management": lambda s: s.management,
    "priority": lambda s: s.etcd and s.priority,
    "hold": lambda s: s.etcd and (s.timing, s.hold_policy),
    # Whoever holds must know at every moment what it holds.
    "pairing": lambda s: s.etcd and sorted(map(_held_by, to_hold(s))),
}


class Daemon:
    """`run` works until cancelled, or until the nova files of an unwatched pairing are mended."""

    def __init__(self, settings: Settings, secrets: KnownSecrets, manager: Manager) -> None:
        self._settings = settings
        self._secrets = secrets
        self._manager = manager
        self._clock = SystemClock()
        self._fleet = Fleet(settings.controller, __version__, self._clock, manager)
        self._store = LocalStore(settings.store_path)
        self._units = SystemdUnits(self._clock)
        self._shared = shared(settings, self._clock, self._units, self._fleet, self._window)
        if self._shared:
            keeper = self._shared.holdings.keeper
            self._fleet.lives_with(lambda: keeper.went_round_at_s, _KEEPER_STUCK_AFTER_S)
        holding = self._shared.holdings.holding if self._shared else _alone
        self._assembly = Assembly(self._clock, self._store, self._units, self._fleet, holding)
        self._unwatched = self._watch_unwatched(settings)
        self._files = Worker("configuration files")
        self._server: http.Server | None = None
        self._group: asyncio.TaskGroup | None = None
        self._side_tasks: list[asyncio.Task[None]] = []
        self._mended = asyncio.Event()
        self._reloads: Counter[str] = Counter({"done": 0, "refused": 0})
        self._mistakes: tuple[str, ...] = ()

    async def run(self) -> None:
        """Open everything, watch, and end with an error or for mended files."""
        for note in self._settings.notes:
            _log.warning(kv("config-note", note=note))
        await _open(self._store)
        await self._apply(self._settings)
        http_settings = self._settings.http
        self._server = await http.serve(
            self.snapshot,
            listen=f"{http_settings.host}:{http_settings.port}" if http_settings else "",
            socket_path=self._settings.control_socket,
            clock=self._clock,
            pairings=self.pairings,
            control=self,
            operations=self._operations(),
            preflight=self._reports,
            stale_after_s=max(derived.STALE_AFTER_S, 5 * self._settings.policy.tick_s),
        )
        # Last: it waits a moment for a bus that is not there, and nothing above needs it.
        await self._units.connect()
        async with asyncio.TaskGroup() as group:
            self._group = group
            work = [group.create_task(self._fleet.run(), name="fleet")]
            if self._shared is not None:
                work += [group.create_task(run(), name="holds") for run in self._shared.runs]
            self._start_side_tasks(group)
            await self._mended.wait()
            for task in (*work, *self._side_tasks):
                task.cancel()

    async def leave(self) -> None:
        """Give up what can be given up without harm, before the end: see `Keeper.leave`."""
        if self._shared is not None:
            await self._shared.holdings.keeper.leave()

    def closers(self) -> list[Closer]:
        """How to let everything go, to be done at the same time."""
        server = [self._server.close] if self._server else []
        of_shared = self._shared.closers if self._shared else ()
        return [*server, *self._assembly.closers(), *of_shared, self._units.close, self._store.close]

    def pairings(self) -> Sequence[Pairing]:
        """The pairings that are watched."""
        return [one.pairing for one in self._settings.pairings]

    def snapshot(self) -> FleetSnapshot:
        """Everything as it stands now, for telemetry."""
        keeper, holds = self._shared.holdings.snapshots() if self._shared else (None, {})
        return replace(
            self._fleet.snapshot(),
            keeper=keeper,
            holds=holds,
            unwatched=self._unwatched.lines,
            receivers=self._assembly.dispatcher.snapshots(),
            reloads=dict(self._reloads),
            reload_mistakes=self._mistakes,
            scheduler_skips=self._assembly.calendar.skips,
        )

    async def pause(self, pairing: str, pause: Pause | None) -> None:
        """Pause a pairing, or end its pause (None). Raises KeyError, StoreUnavailableError."""
        loops = {loop.pairing.name: loop for loop in self._fleet.loops}
        await loops[pairing].pause(pause)

    async def reload_on(self, asked: asyncio.Event) -> None:
        """Reload each time it is set, until cancelled."""
        while True:
            await asked.wait()
            asked.clear()
            if self._group is None:
                continue  # still starting, with files that were read a moment ago
            self._manager.reloading()
            try:
                await self._reload(self._group)
            finally:
                self._manager.ready(self._fleet.status())

    async def _reload(self, group: asyncio.TaskGroup) -> None:
        """Take the new configuration as a whole, or keep the old one and say why."""
        try:
            settings = await self._in_thread(lambda: load_for_run(self._settings.file))
            mistakes = _obstacles(self._settings, settings)
        except ConfigError as error:
            mistakes = tuple(str(mistake) for mistake in error.mistakes)
        except WorkerTimeoutError as error:
            mistakes = (f"the configuration could not be read: {error}",)
        self._mistakes = mistakes
        if mistakes:
            self._reloads["refused"] += 1
            for mistake in mistakes:
                _log.error(kv("reload-refused", mistake=mistake, note="the old configuration stands"))
            return
        settings = self._secrets.in_use(settings)
        logs.set_level(settings.log_level)
        for note in settings.notes:
            _log.warning(kv("config-note", note=note))
        await self._stop_side_tasks()
        if self._mended.is_set():
            return  # the daemon ends right now, and systemd starts it anew with these files
        self._settings = settings
        self._unwatched = self._watch_unwatched(settings)
        await self._apply(settings)
        self._start_side_tasks(group)
        self._reloads["done"] += 1
        _log.info(kv("reloaded", mode=settings.mode, pairings=len(settings.pairings)))

    def _operations(self) -> Operations:
        holdings = self._shared.holdings if self._shared else None
        desk = Desk(
            self._settings.controller,
            self._clock,
            self._fleet.shown,
            self._units,
            keeper=holdings.keeper if holdings else None,
            holding=holdings.holding if holdings else _alone,
            note=self._fleet.note,
        )
        return Operations(desk)

    def _reports(self) -> Sequence[Report]:
        """The preflight of each pairing that is watched and shared."""
        if self._shared is None:
            return ()
        names = [one.name for one in self.pairings() if one.mode is Mode.PROTECT]
        return [self._shared.readiness.report(name) for name in names]

    async def _apply(self, settings: Settings) -> None:
        await self._assembly.apply(settings)
        if self._shared is not None:
            self._shared.watch(settings.pairings)

    def _window(self, pairing: str, wall_s: float) -> str:
        return self._assembly.window(pairing, wall_s)

    def _watch_unwatched(self, settings: Settings) -> UnwatchedPairings:
        return UnwatchedPairings(settings, under_systemd="NOTIFY_SOCKET" in os.environ)

    def _start_side_tasks(self, group: asyncio.TaskGroup) -> None:
        self._assembly.calendar.start()
        self._side_tasks = [
            group.create_task(self._assembly.dispatcher.run(), name="dispatcher"),
            group.create_task(self._until_mended(self._unwatched), name="mended"),
        ]

    async def _stop_side_tasks(self) -> None:
        await self._assembly.calendar.close()
        for task in self._side_tasks:
            task.cancel()
        await asyncio.wait(self._side_tasks)

    async def _until_mended(self, unwatched: UnwatchedPairings) -> None:
        worker = Worker("nova files")

        async def in_thread(call: Callable[[], T]) -> T | None:
            try:
                return await worker.run(call, timeout_s=_FILES_TIMEOUT_S)
            except WorkerTimeoutError:
                return None  # a look that hangs has found nothing

        try:
            await unwatched.until_mended(in_thread)
        finally:
            worker.stop()
        self._mended.set()

    def _in_thread(self, call: Callable[[], T]) -> Awaitable[T]:
        return self._files.run(call, timeout_s=_FILES_TIMEOUT_S)


def _obstacles(old: Settings, new: Settings) -> tuple[str, ...]:
    """What keeps the new settings from being taken while the daemon runs, one line each."""
    found = [
        f"{new.file}: {key}: differs from what the daemon runs with; allowed: the old value, "
        "or a restart of the daemon"
        for key, value_of in _NEEDS_A_RESTART.items()
        if value_of(old) != value_of(new)
    ]
    watched = {one.pairing.name for one in old.pairings}
    for one in new.unwatched:
        if one.name in watched:
            found += one.lines
    return tuple(found)


def _held_by(pairing: Pairing) -> tuple[str, ...]:
    """What a hold of it stands on. Files that cannot be read for a while change nothing of it."""
    known = (pairing.host, pairing.vcenter, pairing.bus) if pairing.host else ()
    return (pairing.name, pairing.unit, *known)


def _alone(_pairing: str) -> Holding | None:
    """No other controller shares a pairing."""
    return None


async def _open(store: LocalStore) -> None:
    """A store that cannot be read costs the actions, not the eyes: pairings are then only observed."""
    try:
        await store.open()
    except StoreLockedError:
        raise
    except StoreUnavailableError as error:
        note = "pairings are only observed until it can be read"
        _log.error(kv("store-unavailable", reason=str(error), note=note))
