"""Judging one pairing's night by what the observer saw from outside."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lab.api.http import HttpError
from lab.client import Lab
from lab.controllers.daemon import UNIT as DAEMON
from lab.topology import Pairing

Event = dict[str, Any]
_FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)')
# A report written right before a kill may be seen this long after it.
_OBSERVER_LAG_S = 1.0


def fields_of(line: str) -> dict[str, str]:
    """A key=value line of the daemon."""
    return {key: value.strip('"') for key, value in _FIELD.findall(line)}


@dataclass
class Judge:
    """What happened to one pairing on the first controller. Times are CLOCK_MONOTONIC seconds."""

    lab: Lab
    pairing: Pairing

    def starts(self, since: float) -> list[Event]:
        """Every nova-compute process that began."""
        return self.lab.events(since, "process.start", unit=self.pairing.unit)

    def exits(self, since: float) -> list[Event]:
        """Every nova-compute process that ended."""
        return self.lab.events(since, "process.exit", unit=self.pairing.unit)

    def lines(self, since: float, event: str) -> list[Event]:
        """The daemon's lines about the pairing, with their time `t` and their fields."""
        self.lab.catch_up("ctl1")
        found = []
        for record in self.lab.events(since, "journal", unit=DAEMON, by="unit"):
            fields = fields_of(record["message"])
            if fields.get("event") == event and fields.get("pairing") == self.pairing.name:
                found.append({"t": record["t"], **fields})
        return found

    def edges(self, since: float) -> list[Event]:
        """Changes of diagnosis or rule, as logged."""
        return self.lines(since, "edge")

    def diagnoses(self, since: float) -> list[str]:
        """The words in their order, without repetitions."""
        words = [edge["diagnosis"] for edge in self.edges(since)]
        return [word for i, word in enumerate(words) if i == 0 or words[i - 1] != word]

    def wait_for_edge(self, since: float, timeout_s: float, **match: str) -> Event:
        """The first edge with those fields."""

        def fits(record: Event) -> bool:
            fields = {"event": "edge", "pairing": self.pairing.name, **match}
            return fields.items() <= fields_of(record["message"]).items()

        record = self.lab.wait_for(
            "journal", since=since, timeout_s=timeout_s, unit=DAEMON, by="unit", predicate=fits
        )
        return {"t": record["t"], **fields_of(record["message"])}

    def wait_for_start(self, since: float, timeout_s: float) -> Event:
        """The first nova-compute process that began."""
        return self.lab.wait_for("process.start", since=since, timeout_s=timeout_s, unit=self.pairing.unit)

    def wait_for_heartbeat(self, process: Event, timeout_s: float) -> Event:
        """The first heartbeat of that process, in Nova's database."""
        return self.lab.wait_for(
            "heartbeat",
            since=process["t"] + _OBSERVER_LAG_S,
            timeout_s=timeout_s,
            host=self.pairing.host,
        )

    def wait_for_service(self, since: float, timeout_s: float, predicate: Callable[[Event], bool]) -> Event:
        """The first change of Nova's record that fits."""
        return self.lab.wait_for(
            "service", since=since, timeout_s=timeout_s, host=self.pairing.host, predicate=predicate
        )

    def status(self) -> dict[str, Any]:
        """The daemon's own word on the pairing, as `status --json` has it."""
        document = self.lab.http("/api/v1/status").content
        (found,) = [p for p in document["pairings"] if p["name"] == self.pairing.name]
        return dict(found)

    def word(self) -> str:
        """The daemon's diagnosis; "no answer" while it starts, "not watched" without nova's files."""
        try:
            document = self.lab.http("/api/v1/status").content
        except HttpError as error:
            return f"no answer ({error})"
        words = [p["diagnosis"]["word"] for p in document["pairings"] if p["name"] == self.pairing.name]
        return str(words[0]) if words else "not watched"

    def up_and_enabled(self) -> bool:
        """Nova's own word, through its API."""
        record = self.lab.nova.service(self.pairing.host)
        return (record["state"], record["status"]) == ("up", "enabled")

    def sample_daemon(self, since: float) -> list[Event]:
        """Memory and threads of the daemon, once a second."""
        return self.lab.events(since, "daemon")
