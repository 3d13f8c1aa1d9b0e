"""The simulated store: one server for all controllers, and each controller's port to it."""

from __future__ import annotations

import asyncio
from asyncio.events import _get_running_loop
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from nova_watchdog.ports import StoreUnavailableError, Versioned
from nova_watchdog.simulation.loop import ControllerLoop
from nova_watchdog.simulation.parts.network import STORE, Network, SilenceError
from nova_watchdog.simulation.parts.records import Records, Snapshot, Values, Watch, as_json
from nova_watchdog.simulation.timeline import Timeline

T = TypeVar("T")

# What the invariants hear of each commit: controller, compared revisions, values, new revision.
OnCommit = Callable[[str, Mapping[str, int], Values, int], None]


class SimulatedStore:
    """The server. `on_commit` hears of each committed transaction at the moment it is one."""

    def __init__(self) -> None:
        self.records = Records()
        self.on_commit: list[OnCommit] = []
        self._ports: list[StorePort] = []
        self._runs = True
        self._refusal: str | None = None

    def read_now(self, prefix: str) -> dict[str, Versioned]:
        """What a request that arrives now reads."""
        self._require_answer()
        return self.records.read(prefix)

    def commit_now(self, controller: str, expected: Mapping[str, int], puts: Values) -> int:
        """What a transaction that arrives now does. `puts` is JSON."""
        self._require_answer()
        revision = self.records.commit(expected, puts)
        for tell in self.on_commit:
            tell(controller, expected, puts, revision)
        self._tell(puts)
        return revision

    def attach(self, port: StorePort) -> None:
        """Tell that port of changes."""
        self._ports.append(port)

    # --- faults

    def stop(self) -> None:
        """No request is answered or carried out: no majority."""
        self._runs = False

    def refuse(self, reason: str | None) -> None:
        """Requests are answered with an error, until None."""
        self._refusal = reason

    def start(self) -> None:
        """Requests are answered again. Watches begin anew: they tell of everything."""
        self._runs = True
        self._refusal = None
        self._tell(self.records)

    def snapshot(self) -> Snapshot:
        """A backup."""
        return self.records.snapshot()

    def restore(self, snapshot: Snapshot) -> None:
        """The backup takes the place of what is: values and revisions go back."""
        self.records.restore(snapshot)
        self.start()

    def _tell(self, keys: Iterable[str]) -> None:
        for port in self._ports:
            port.changed(keys)

    def _require_answer(self) -> None:
        if not self._runs:
            raise SilenceError
        if self._refusal is not None:
            raise StoreUnavailableError(self._refusal)


@dataclass
class _Watcher:
    watch: Watch
    loop: asyncio.AbstractEventLoop | None
    pending: dict[str, None] = field(default_factory=dict)
    is_due: bool = False

    @property
    def is_dead(self) -> bool:
        return isinstance(self.loop, ControllerLoop) and self.loop.is_dead


class StorePort:
    """`ports.Store` of one controller, through the network. It serves one daemon after the other.

    timeout_s: how long a request may take. watch_delay_s: what a watch's message takes beyond the way;
    changes in that time are merged.
    """

    def __init__(
        self,
        controller: str,
        server: SimulatedStore,
        network: Network,
        timeline: Timeline,
        *,
        timeout_s: float = 3.0,
    ) -> None:
        self._controller = controller
        self._server = server
        self._network = network
        self._timeline = timeline
        self._timeout_s = timeout_s
        self._link = network.link(controller, STORE)
        self._watchers: list[_Watcher] = []
        self._is_mute = False
        self.watch_delay_s = 0.0
        server.attach(self)

    async def read(self, prefix: str) -> Mapping[str, Versioned]:
        """Every record below the prefix, as the server has it when the request arrives."""
        return await self._carry(lambda: self._server.read_now(prefix))

    async def commit(self, expected: Mapping[str, int], puts: Mapping[str, Mapping[str, Any]]) -> int:
        """One transaction. It may be carried out although no answer comes, and long after that."""
        compared, values = dict(expected), as_json(puts)
        return await self._carry(lambda: self._server.commit_now(self._controller, compared, values))

    def watch(self, prefix: str) -> AsyncIterator[str]:
        """The keys that change from now on."""
        watcher = _Watcher(Watch(prefix), _get_running_loop())
        self._watchers.append(watcher)
        return watcher.watch

    async def _carry(self, apply: Callable[[], T]) -> T:
        return await self._network.carry(
            self._controller, STORE, apply, timeout_s=self._timeout_s, unanswered=self._unanswered
        )

    def _unanswered(self) -> Exception:
        return StoreUnavailableError(f"the store gave no answer within {self._timeout_s:g} s")

    # --- watches

    def mute_watches(self) -> None:
        """Watches tell nothing, until `unmute_watches`: the connection hangs."""
        self._is_mute = True

    def unmute_watches(self) -> None:
        """They tell what they did not."""
        self._is_mute = False
        for watcher in self._watchers:
            self._send(watcher)

    def changed(self, keys: Iterable[str]) -> None:
        """For the server: these have changed."""
        if any(watcher.is_dead for watcher in self._watchers):
            self._watchers = [watcher for watcher in self._watchers if not watcher.is_dead]
        for watcher in self._watchers:
            concerned = watcher.watch.concerns(keys)
            if concerned:
                watcher.pending.update(dict.fromkeys(concerned))
                self._send(watcher)

    def _send(self, watcher: _Watcher) -> None:
        if watcher.is_due or not watcher.pending or self._is_mute:
            return
        watcher.is_due = True
        delay_s = self._network.latency_s(self._link) + self.watch_delay_s
        self._timeline.call_later(delay_s, self._arrive, watcher)

    def _arrive(self, watcher: _Watcher) -> None:
        if not self._link.is_whole:
            self._link.waits_for_heal(lambda: self._arrive(watcher))
            return
        watcher.is_due = False
        if self._is_mute:
            return
        pending, watcher.pending = watcher.pending, {}
        watcher.watch.tell(pending)
