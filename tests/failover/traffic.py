"""Users of the cloud: servers are asked for all the time, and calls that a nova-compute has to answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType

from lab import accounts
from lab.api.http import HttpError, json_request
from lab.api.nova import authenticate
from lab.client import Lab
from lab.parts import endpoints
from lab.parts.image_server import IMAGE_ID

_BUILT_WITHIN_S = 240.0
_GONE_WITHIN_S = 120.0
# What is not gone by then, or is asked to go while it is in BUILD, is forced.
_FORCED_AFTER_S = 15.0
# Longer than Nova's API itself waits for a nova-compute's answer (`rpc_response_timeout`, 60 s).
_PATIENT_CALL_S = 75.0
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
        self._patient: list[threading.Thread] = []
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
        self.answered()
        try:
            self._delete_all()
        finally:
            self._lab.nova.request("DELETE", f"/flavors/{self._flavor}")
            self._set_quota(self._quota)

    def _delete_all(self) -> None:
        nova, begin_s = self._lab.nova, time.monotonic()
        while there := self.servers.keys() & (states := nova.server_states()).keys():
            passed_s = time.monotonic() - begin_s
            if passed_s > _GONE_WITHIN_S:
                left = ", ".join(f"{server} {states[server]}" for server in sorted(there))
                raise TimeoutError(f"not deleted within {_GONE_WITHIN_S:g} s: {left}")
            for server in there:
                try:
                    if states[server] == "BUILD" or passed_s > _FORCED_AFTER_S:
                        self._force(server)
                    nova.delete_server(server)
                except HttpError:
                    continue  # gone by now, or tried again
            time.sleep(_POLL_S)

    def _force(self, server: str) -> None:
        """As an operator ends what nobody works on: Nova is told that it failed, and that it must go."""
        for action in ({"os-resetState": {"state": "error"}}, {"forceDelete": None}):
            self._lab.nova.request("POST", f"/servers/{server}/action", action)

    def _set_quota(self, quota: dict[str, int]) -> None:
        self._lab.nova.request("PUT", "/os-quota-class-sets/default", {"quota_class_set": quota})

    def ask(self) -> str:
        """Ask for one server; its id."""
        asked_s = self._lab.now()
        name = f"traffic-{len(self.servers)}"
        server = self._lab.nova.create_server(name, self._flavor, IMAGE_ID, self._host)
        self.servers[server] = asked_s
        return server

    def begin(self) -> str:
        """One server that is built, for the calls; its id."""
        self._first = self.ask()
        self.built()
        return self._first

    def start(self) -> None:
        """One server that is built, then go on asking in the background."""
        self.begin()
        self._threads = [threading.Thread(target=self._create), threading.Thread(target=self._call)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask for nothing more."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._threads = []

    def call(self) -> None:
        """One call beside what else is done, waited for as long as Nova itself waits."""
        user = accounts.ADMIN_USER
        token = authenticate(user, accounts.ADMIN_PASSWORD, "admin", connect=self._lab.connect)
        self._patient.append(threading.Thread(target=self._call_patiently, args=(token,)))
        self._patient[-1].start()

    def answered(self) -> list[Call]:
        """Every call, once each of them has an end."""
        for thread in self._patient:
            thread.join()
        self._patient = []
        return self.calls

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

    def ends(self, within_s: float) -> dict[str, str]:
        """What Nova says of each server once each is ACTIVE or failed for a reason, or after that time.

        The status, with "for no reason" where it failed and Nova does not tell why; "gone".
        """
        deadline = time.monotonic() + within_s
        while True:
            states = self._lab.nova.server_states()
            found = {server: self._end(server, states.get(server, "gone")) for server in self.servers}
            if set(found.values()) <= {"ACTIVE", "ERROR"} or time.monotonic() > deadline:
                return found
            time.sleep(_POLL_S)

    def _end(self, server: str, state: str) -> str:
        is_unexplained = state == "ERROR" and not self._lab.nova.server_fault(server)
        return f"{state} for no reason" if is_unexplained else state

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
            self._asked(lambda: self._lab.nova.request("GET", f"/servers/{self._first}/diagnostics"))

    def _call_patiently(self, token: str) -> None:
        url = f"{endpoints.NOVA}/servers/{self._first}/diagnostics"
        headers, connect = {"X-Auth-Token": token}, self._lab.connect
        self._asked(
            lambda: json_request("GET", url, headers=headers, timeout_s=_PATIENT_CALL_S, connect=connect)
        )

    def _asked(self, ask: Callable[[], object]) -> None:
        """Keep how it went."""
        asked_s, said = self._lab.now(), ""
        try:
            ask()
        except HttpError as error:
            said = f"HTTP {error.status}" if error.status else str(error).partition(": ")[2]
        self.calls.append(Call(asked_s, self._lab.now() - asked_s, said))
