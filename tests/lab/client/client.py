"""The lab as tests see it."""

from __future__ import annotations

import json
import subprocess
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from lab import wire
from lab.api import watchdog
from lab.api.http import Answer, json_request
from lab.api.nova import NovaApi
from lab.client.controller import ControllerHandle, init_pid, load_topology
from lab.client.events import EventLog
from lab.client.healing import heal
from lab.client.network import LabNetwork
from lab.client.pager import Pager
from lab.client.running import Overlap, Run, overlaps, runs
from lab.controllers.daemon import HTTP_PORT, UNIT
from lab.errors import LabError
from lab.paths import Paths

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from lab.client.events import Event
    from lab.topology import Pairing, Topology

T = TypeVar("T")

_FAULT_TIMEOUT_S = 150.0
_POLL_S = 0.2
_JOURNAL_TIMEOUT_S = 60.0
_LAST_SAID = (
    "sh",
    "-c",
    f"journalctl --sync; journalctl --quiet --lines=1 --output=json _SYSTEMD_UNIT={UNIT}",
)


class Lab:
    """A running lab. The caller is outside its namespaces, as root."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.topology: Topology = load_topology(paths)
        self._events = EventLog(paths.events)
        self._network = LabNetwork(init_pid(paths))
        self.nova = NovaApi(self._network.connect)

    @classmethod
    def attach(cls) -> Lab:
        """The running lab; LabError if there is none or it is not ready."""
        lab = cls(Paths.from_environment())
        if not lab.status()["ready"]:
            raise LabError("the lab is being started right now")
        return lab

    def now(self) -> float:
        """CLOCK_MONOTONIC in seconds, the clock of all records."""
        return time.monotonic()

    def boot(self, controller: str = "ctl1", *, timeout_s: float = 120.0) -> None:
        """Wait until a controller that was told to shut down has done so, then boot it again."""
        deadline = self.now() + timeout_s
        while self.status()["controllers"][controller]["leader"] is not None:
            if self.now() > deadline:
                raise TimeoutError(f"{controller} did not shut down within {timeout_s:g} s")
            time.sleep(_POLL_S)
        self.request("boot", name=controller)

    def status(self) -> dict[str, Any]:
        """What `lab status --json` prints."""
        status: dict[str, Any] = self.request("status")
        return status

    @property
    def pairings(self) -> tuple[Pairing, ...]:
        """All pairings; the first lies on the first vCenter."""
        return self.topology.pairings

    def controller(self, name: str = "ctl1") -> ControllerHandle:
        """A controller to run commands in."""
        self.topology.controller(name)
        return ControllerHandle(self.paths, name)

    def connect(self, host: str, port: int, timeout_s: float = 5.0) -> socket.socket:
        """A TCP connection from the servers' place in the lab's network; OSError as from any connect."""
        return self._network.connect(host, port, timeout_s)

    def in_network(self, function: Callable[[], T]) -> T:
        """What it returns, called where every socket that it makes is at the servers' place."""
        return self._network.run(function)

    def http(self, path: str, controller: str = "ctl1", *, timeout_s: float = 5.0) -> Answer:
        """GET from the daemon's HTTP server; HttpError for a refusal or no answer."""
        url = f"http://{self.topology.controller(controller).address}:{HTTP_PORT}{path}"
        return json_request("GET", url, timeout_s=timeout_s, connect=self._network.connect)

    def daemon_status(self, controller: str = "ctl1") -> dict[str, Any]:
        """The daemon's status document; HttpError if it gives none."""
        return watchdog.status(self.topology.controller(controller).address, self._network.connect)

    def daemon_complaint(self, controller: str = "ctl1") -> str:
        """What keeps the daemon from calling all pairings healthy; empty if nothing does."""
        address = self.topology.controller(controller).address
        return watchdog.unhealthy(address, len(self.pairings), self._network.connect)

    def pager(self) -> Pager:
        """Pages, and what Prometheus and Alertmanager know; LabError if the lab was started without."""
        return Pager(self)

    def prometheus_query(self, expression: str) -> list[dict[str, Any]]:
        """The instant vector of a PromQL expression: a list of {"labels": {...}, "value": 1.0}."""
        return self.pager().query(expression)

    def inject(self, name: str, **arguments: Any) -> Event:
        """Cause a fault; the record with the times just `before` and just after (`t`)."""
        record: Event = self.request("fault", name=name, arguments=_texts(arguments))
        return record

    def clear(self, name: str, **arguments: Any) -> list[Event]:
        """Take a fault back; the records of what was cleared."""
        records: list[Event] = self.request("clear", name=name, arguments=_texts(arguments))
        return records

    def clear_all(self) -> list[Event]:
        """Take every fault back."""
        records: list[Event] = self.request("clear-all")
        return records

    @contextmanager
    def fault(self, name: str, **arguments: Any) -> Iterator[Event]:
        """A fault for the length of a block. What the block itself cleared already is no error."""
        record = self.inject(name, **arguments)
        try:
            yield record
        finally:
            self.clear(name, **arguments)

    def events(self, since: float = 0.0, kind: str | None = None, **match: Any) -> list[Event]:
        """The observer's records; see EventLog.events."""
        return self._events.events(since, kind, **match)

    def wait_for(
        self,
        kind: str,
        *,
        since: float,
        timeout_s: float,
        predicate: Callable[[Event], bool] | None = None,
        **match: Any,
    ) -> Event:
        """The first such record; see EventLog.wait_for."""
        return self._events.wait_for(kind, since=since, timeout_s=timeout_s, predicate=predicate, **match)

    def catch_up(self, controller: str) -> None:
        """Wait until the observer has recorded what the daemon has said there so far.

        What the daemon tells over HTTP may be seen earlier. Returns at once where the controller is away.
        """
        with suppress(LabError, subprocess.TimeoutExpired):
            shown = (
                self.controller(controller).run(_LAST_SAID, check=False, timeout_s=_JOURNAL_TIMEOUT_S).stdout
            )
            if shown:
                last_us = int(json.loads(shown)["__REALTIME_TIMESTAMP"])
                self.wait_for(
                    "journal",
                    since=0.0,
                    timeout_s=_JOURNAL_TIMEOUT_S,
                    controller=controller,
                    predicate=lambda event: event["realtime_us"] >= last_us,
                )

    def runs(self, unit: str, since: float = 0.0) -> list[Run]:
        """Every process of a unit that lived at `since` or later, on whatever controller, by its start."""
        found = runs(self.events(), unit)
        return [run for run in found if run.end_s is None or run.end_s >= since]

    def running(self, unit: str) -> list[str]:
        """The controllers on which a unit has a process now: one, where all is well."""
        return [run.controller for run in self.runs(unit) if run.end_s is None]

    def overlaps(self, since: float = 0.0) -> list[Overlap]:
        """Every time after `since` in which a pairing ran on two controllers."""
        return overlaps(self.events(), [pairing.unit for pairing in self.pairings], since)

    def etcd_leader(self) -> str | None:
        """The name of the member that leads the store; None while none does."""
        leader: str | None = self.request("etcd-leader")
        return leader

    def heal(self, timeout_s: float = 180.0) -> None:
        """Bring the lab back to what it is after `up`; TimeoutError or LabError if that cannot be done."""
        heal(self, timeout_s)

    def request(self, operation: str, **arguments: Any) -> Any:
        """Ask the supervisor."""
        return wire.request(self.paths.socket, operation, timeout_s=_FAULT_TIMEOUT_S, **arguments)


def _texts(arguments: dict[str, Any]) -> dict[str, str]:
    return {key: f"{value:g}" if isinstance(value, float) else str(value) for key, value in arguments.items()}
