"""One pairing in a cloud of several controllers, judged by what the observer saw from outside."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from acceptance.judge import fields_of
from lab import accounts
from lab.api.http import HttpError, json_request
from lab.client import Lab
from lab.client.running import Overlap, Run
from lab.controllers.daemon import UNIT as DAEMON
from lab.parts import rabbitmq
from lab.topology import Pairing
from nova_watchdog.core.hold.timing import Timing

Event = dict[str, Any]
# A report written right before a kill may be seen this long after it.
_OBSERVER_LAG_S = 1.0
_POLL_S = 0.3
_DEAD_AFTER_THAW_S = Timing().kill_s
_HEALTHY_WITHIN_S = 180.0


@dataclass(frozen=True)
class Takeover:
    """How a pairing came from one controller to another. Times are CLOCK_MONOTONIC seconds."""

    old: str
    new: str
    dead_s: float
    start_s: float
    heartbeat_s: float


@dataclass
class Scene:
    """One pairing of the lab."""

    lab: Lab
    pairing: Pairing

    # --- what is true

    def runs(self, since: float = 0.0) -> list[Run]:
        """Every nova-compute process of the unit that was there at `since` or later, by the time it began."""
        return self.lab.runs(self.pairing.unit, since)

    def running(self) -> list[str]:
        """The controllers on which it has a process now."""
        return self.lab.running(self.pairing.unit)

    def overlaps(self, since: float) -> list[Overlap]:
        """When two controllers had a process of it at the same time, since then.

        Not while one of them was frozen, nor in the second in which it is thawed and dies.
        """
        found = [one for one in self.lab.overlaps(since) if one.unit == self.pairing.unit]
        return [one for one in found if not self._is_of_a_frozen_one(one)]

    def _is_of_a_frozen_one(self, overlap: Overlap) -> bool:
        end_s = self.lab.now() if overlap.end_s is None else overlap.end_s
        still = [span for name in overlap.controllers for span in self._stood_still(name)]
        return any(since <= overlap.start_s and end_s <= until for since, until in still)

    def _stood_still(self, controller: str) -> list[tuple[float, float]]:
        """When a controller was frozen: from, until it must be dead after its thaw."""
        found, since = [], None
        for record in self.lab.events(0.0, "fault", name="controller-frozen"):
            if record["arguments"].get("controller") != controller:
                continue
            if record["action"] == "inject":
                since = record["before"]
            elif since is not None:
                found.append((since, record["t"] + _DEAD_AFTER_THAW_S))
                since = None
        return found if since is None else [*found, (since, float("inf"))]

    # --- what is said

    def said(self, controller: str) -> dict[str, Any]:
        """What the daemon of a controller says of the pairing; empty where it gives no answer."""
        try:
            document = self.lab.http("/api/v1/status", controller).content
        except (HttpError, OSError):
            return {}
        found = [one for one in document["pairings"] if one["name"] == self.pairing.name]
        return dict(found[0]) if found else {}

    def word(self, controller: str) -> str:
        """The diagnosis there."""
        said = self.said(controller)
        return str(said["diagnosis"]["word"]) if said else "no answer"

    def claim(self, controller: str) -> str:
        """Whose it is, by the word of that controller's daemon."""
        hold = self.said(controller).get("hold") or {}
        return str(hold.get("claim", "no answer"))

    def ready_standbys(self, controller: str) -> list[str]:
        """Who could take it, by the word of that controller's daemon."""
        hold = self.said(controller).get("hold") or {}
        return [one["controller"] for one in hold.get("standbys", ()) if one["renews"] and one["ready"]]

    def lines(self, since: float, event: str, controller: str | None = None) -> list[Event]:
        """The daemons' lines about the pairing, with their time `t` and their fields."""
        for name in self.lab.status()["controllers"] if controller is None else [controller]:
            self.lab.catch_up(name)
        found = []
        for record in self.lab.events(since, "journal", unit=DAEMON, by="unit"):
            fields = fields_of(record["message"])
            is_ours = controller is None or record["controller"] == controller
            if is_ours and fields.get("event") == event and fields.get("pairing") == self.pairing.name:
                found.append({"t": record["t"], "controller": record["controller"], **fields})
        return found

    def rules(self, since: float, controller: str | None = None) -> list[str]:
        """The rules of holding in their order."""
        return [line["rule"] for line in self.lines(since, "hold", controller)]

    def broker(self, path: str) -> Any:
        """What RabbitMQ's management answers to that question."""
        account = f"{accounts.RABBITMQ_USER}:{accounts.RABBITMQ_PASSWORD}"
        headers = {"Authorization": f"Basic {base64.b64encode(account.encode()).decode()}"}
        url = rabbitmq.MANAGEMENT_URL + path
        return json_request("GET", url, headers=headers, connect=self.lab.connect).content

    # --- waiting

    def let_pass(self, seconds: float) -> None:
        """Let time pass, and see that the lab lives."""
        end_s = self.lab.now() + seconds
        while self.lab.now() < end_s:
            assert self.lab.status()["ready"]
            time.sleep(_POLL_S)

    def wait_until_served(self, controllers: list[str], timeout_s: float = _HEALTHY_WITHIN_S) -> str:
        """One of these holds it and says healthy, and each other one is ready. Returns the holder."""
        deadline = time.monotonic() + timeout_s
        while True:
            words = {name: (self.claim(name), self.word(name)) for name in controllers}
            holders = [name for name, said in words.items() if said == ("mine", "healthy")]
            ready = [self.ready_standbys(name) for name in holders]
            wanted = set(controllers) - set(holders)
            if len(holders) == 1 and set(ready[0]) == wanted and self.running() == holders:
                return holders[0]
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"{self.pairing.name} is not served: {words}, ready: {ready}, runs on {self.running()}: "
                    f"{[self.said(name).get('hold') for name in controllers]}"
                )
            time.sleep(_POLL_S)

    def wait_for_verified(self, controller: str, since: float, timeout_s: float = 120.0) -> str:
        """What that controller's history says of the takeover that was seen to work."""
        deadline = time.monotonic() + timeout_s
        while True:
            told = self.said(controller).get("transitions", ())
            noted = [one for one in told if one["action"] == "verified" and _monotonic_s(one["at"]) >= since]
            if noted:
                return str(noted[-1]["why"])
            if time.monotonic() > deadline:
                seen = (self.said(controller).get("hold") or {}).get("verified")
                raise TimeoutError(f"{self.pairing.name}'s takeover is not verified: {seen}")
            time.sleep(_POLL_S)

    def wait_for_takeover(self, old: str, since: float, timeout_s: float = 150.0) -> Takeover:
        """It starts on another controller and reports to Nova from there."""
        start = self.lab.wait_for(
            "process.start",
            since=since,
            timeout_s=timeout_s,
            unit=self.pairing.unit,
            predicate=lambda event: event["controller"] != old,
        )
        heartbeat = self.lab.wait_for(
            "heartbeat", since=start["t"] + _OBSERVER_LAG_S, timeout_s=120, host=self.pairing.host
        )
        ends = [run.end_s for run in self.runs(since) if run.controller == old and run.end_s is not None]
        dead_s = max(ends, default=float("nan"))
        return Takeover(old, start["controller"], dead_s, start["t"], heartbeat["t"])


def _monotonic_s(told: str) -> float:
    """A time of the wall clock, by the clock of all records."""
    return datetime.fromisoformat(told).timestamp() - time.time() + time.monotonic()
