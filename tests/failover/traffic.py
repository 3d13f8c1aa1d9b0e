"""Users of the cloud: servers are asked for all the time, and calls that a nova-compute has to answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType

from lab.api.http import HttpError
from lab.client import Lab
from lab.parts.image_server import IMAGE_ID

_BUILT_WITHIN_S = 240.0
_GONE_WITHIN_S = 120.0
_BETWEEN_SERVERS_S = 1.2
_BETWEEN_CALLS_S = 0.3
# A cluster has room for 16: four processors, and four servers on each.
_MOST_SERVERS = 14
_POLL_S = 0.5
_LONG_CALL_S = 2.0


@dataclass(frozen=True)
class Call:
    """A call that its nova-compute answers. error: empty, it did."""

    asked_s: float
    took_s: float
    error: str


class Traffic:
    """Requests to the nova-compute called `host`. Every server is deleted at the end of the block."""

    def __init__(self, lab: Lab, host: str) -> None:
        self._lab = lab
        self._host = host
        self._flavor = ""
        self._first = ""
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._quota: dict[str, int] = {}
        self.servers: dict[str, float] = {}
        """When each was asked for, by its id."""
        self.refused: list[str] = []
        """What Nova's API itself said to a server that was asked for."""
        self.calls: list[Call] = []

    def __enter__(self) -> Traffic:
        nova = self._lab.nova
        quota = nova.request("GET", "/os-quota-class-sets/default")["quota_class_set"]
        self._quota = {name: int(quota[name]) for name in ("instances", "cores")}
        self._set_quota(dict.fromkeys(self._quota, -1))
        self._flavor = nova.make_flavor(f"traffic-{self._lab.now():.2f}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        nova = self._lab.nova
        deadline = time.monotonic() + _GONE_WITHIN_S
        while there := self.servers.keys() & nova.server_states().keys():
            for server in there:
                try:
                    nova.delete_server(server)
                except HttpError:
                    continue  # gone by now, or tried again
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(there)} servers are not deleted within {_GONE_WITHIN_S:g} s")
            time.sleep(_POLL_S)
        nova.request("DELETE", f"/flavors/{self._flavor}")
        self._set_quota(self._quota)

    def _set_quota(self, quota: dict[str, int]) -> None:
        self._lab.nova.request("PUT", "/os-quota-class-sets/default", {"quota_class_set": quota})

    def ask(self) -> str:
        """Ask for one server; its id."""
        asked_s = self._lab.now()
        name = f"traffic-{len(self.servers)}"
        server = self._lab.nova.create_server(name, self._flavor, IMAGE_ID, self._host)
        self.servers[server] = asked_s
        return server

    def start(self) -> None:
        """One server that is built, then go on asking in the background."""
        self._first = self.ask()
        self.built()
        self._threads = [threading.Thread(target=self._create), threading.Thread(target=self._call)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask for nothing more."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._threads = []

    def built(self) -> dict[str, str]:
        """How each server ended, once none is being built any more."""
        deadline = time.monotonic() + _BUILT_WITHIN_S
        while True:
            states = {server: self._lab.nova.server_states().get(server, "gone") for server in self.servers}
            building = [server for server, state in states.items() if state == "BUILD"]
            if not building:
                return states
            if time.monotonic() > deadline:
                asked = [f"{self._lab.now() - self.servers[server]:.0f} s ago" for server in building]
                raise TimeoutError(f"still in BUILD, asked for {', '.join(asked)}")
            time.sleep(_POLL_S)

    def not_served(self, servers: Iterable[str]) -> list[str]:
        """Those that no nova-compute took in hand within a long time: neither ACTIVE nor failed for a reason.

        A nova-compute that starts puts what waits on the bus for it into ERROR without one, then builds it.
        """
        left, deadline = list(servers), time.monotonic() + _BUILT_WITHIN_S
        while left and time.monotonic() < deadline:
            states = self._lab.nova.server_states()
            left = [one for one in left if states[one] != "ACTIVE" and not self._lab.nova.server_fault(one)]
            time.sleep(_POLL_S)
        return left

    def why_not(self) -> set[str]:
        """What Nova tells of the servers that ended in ERROR; it gives a reason for some only."""
        found = [self._lab.nova.server_fault(server) for server in self.servers]
        return {one.splitlines()[0][:100] for one in found if one}

    def calls_told(self) -> str:
        """For a report: how many were answered, and how."""
        failed = [call for call in self.calls if call.error]
        late = [call for call in self.calls if not call.error and call.took_s > _LONG_CALL_S]
        longest = max((call.took_s for call in self.calls if not call.error), default=0.0)
        errors = "; ".join(sorted({call.error[:90] for call in failed}))
        return (
            f"{len(self.calls)} calls, {len(late)} answered after more than {_LONG_CALL_S:g} s "
            f"(longest {longest:.1f} s), {len(failed)} not answered{f' ({errors})' if errors else ''}"
        )

    def _create(self) -> None:
        while not self._stop.wait(_BETWEEN_SERVERS_S) and len(self.servers) < _MOST_SERVERS:
            try:
                self.ask()
            except HttpError as error:
                self.refused.append(str(error))

    def _call(self) -> None:
        while not self._stop.wait(_BETWEEN_CALLS_S):
            asked_s, said = self._lab.now(), ""
            try:
                self._lab.nova.request("GET", f"/servers/{self._first}/diagnostics")
            except HttpError as error:
                said = f"HTTP {error.status}" if error.status else str(error).partition(": ")[2]
            self.calls.append(Call(asked_s, self._lab.now() - asked_s, said))
