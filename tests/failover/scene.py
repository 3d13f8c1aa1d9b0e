"""One pairing in a cloud of several controllers, judged by what the observer saw from outside."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from acceptance.judge import fields_of
from lab.api.http import HttpError
from lab.client import Lab
from lab.controllers.daemon import UNIT as DAEMON
from lab.topology import Pairing

Event = dict[str, Any]
# A report written right before a kill may be seen this long after it.
_OBSERVER_LAG_S = 1.0
_POLL_S = 0.3
_DEAD_AFTER_THAW_S = 1.0
_CONDITION_S = 2.0
_HEALTHY_WITHIN_S = 180.0


@dataclass(frozen=True)
class Run:
    """One process of the unit. `end_s` is None while it runs."""

    controller: str
    start_s: float
    end_s: float | None


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
        found, living = [], {}
        for event in self.lab.events(0.0):
            if event.get("unit") != self.pairing.unit:
                continue
            where = (event["controller"], event.get("lab_pid", event["pid"]))
            if event["kind"] == "process.start":
                living[where] = event
            elif event["kind"] == "process.exit" and where in living:
                start = living.pop(where)
                if not _is_start_condition(start, event["t"]):
                    found.append(Run(where[0], start["t"], event["t"]))
        found += [Run(where[0], start["t"], None) for where, start in living.items()]
        return sorted(
            (run for run in found if run.end_s is None or run.end_s >= since), key=lambda run: run.start_s
        )

    def running(self) -> list[str]:
        """The controllers on which it has a process now."""
        return [run.controller for run in self.runs() if run.end_s is None]

    def overlaps(self, since: float) -> list[tuple[Run, Run]]:
        """Pairs of processes on two controllers that ran at the same time.

        Not while one of them was frozen, nor in the second in which it is thawed and dies.
        """
        runs = self.runs(since)
        pairs = [(a, b) for i, a in enumerate(runs) for b in runs[i + 1 :] if a.controller != b.controller]
        return [(a, b) for a, b in pairs if self._both_ran(a, b)]

    def _both_ran(self, first: Run, second: Run) -> bool:
        begin = max(first.start_s, second.start_s)
        end = min(run.end_s if run.end_s is not None else self.lab.now() for run in (first, second))
        if end <= begin:
            return False
        still = self._stood_still(first.controller) + self._stood_still(second.controller)
        return not any(since <= begin and end <= until for since, until in still)

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

    def gap_s(self, since: float) -> float:
        """The longest time without a process between two of them."""
        runs = self.runs(since)
        gaps = [second.start_s - first.end_s for first, second in pairwise(runs) if first.end_s is not None]
        return max(gaps, default=0.0)

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

    # --- waiting

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


def _is_start_condition(start: Event, end_s: float) -> bool:
    """Whether it was the shell that asks for the token: it runs in the unit too, for some milliseconds."""
    is_nova = "nova-compute" in (start.get("command") or "").split("may-start")[0]
    return not is_nova and end_s - start["t"] < _CONDITION_S


def by_controller(scenes: list[Scene]) -> dict[str, list[Scene]]:
    """Which pairings run where."""
    found: dict[str, list[Scene]] = defaultdict(list)
    for scene in scenes:
        for name in scene.running():
            found[name].append(scene)
    return found
