"""Reading the observer's record while it grows."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Event = dict[str, Any]
_POLL_S = 0.05
_SHOWN = 25


class EventLog:
    """All records so far, in the order of their times."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._events: list[Event] = []

    def events(self, since: float = 0.0, kind: str | None = None, **match: Any) -> list[Event]:
        """Records of `kind` from `since` (CLOCK_MONOTONIC) on, whose fields equal those given."""
        self._read()
        return [event for event in self._events if _matches(event, since, kind, match)]

    def wait_for(
        self,
        kind: str,
        *,
        since: float,
        timeout_s: float,
        predicate: Callable[[Event], bool] | None = None,
        **match: Any,
    ) -> Event:
        """The first such record; TimeoutError that shows the latest records if there is none in time."""
        deadline = time.monotonic() + timeout_s
        while True:
            for event in self.events(since, kind, **match):
                if predicate is None or predicate(event):
                    return event
            if time.monotonic() > deadline:
                raise TimeoutError(self._explain(kind, since, timeout_s, match))
            time.sleep(_POLL_S)

    def _read(self) -> None:
        with self._path.open("rb") as stream:
            stream.seek(self._offset)
            data = stream.read()
        complete = data[: data.rfind(b"\n") + 1]  # the last line may still be being written
        if complete:
            self._offset += len(complete)
            self._events += [json.loads(line) for line in complete.splitlines()]
            self._events.sort(key=lambda event: float(event["t"]))

    def _explain(self, kind: str, since: float, timeout_s: float, match: dict[str, Any]) -> str:
        seen = [event for event in self._events if event["t"] >= since and event["kind"] != "daemon"]
        lines = [f"no record {kind} {match} within {timeout_s:g} s; the latest since then:"]
        for event in seen[-_SHOWN:]:
            rest = {key: value for key, value in event.items() if key not in ("t", "wall", "kind")}
            lines.append(f"  +{event['t'] - since:8.3f} s {event['kind']} {json.dumps(rest)[:300]}")
        return "\n".join(lines if seen else [*lines, "  (nothing)"])


def _matches(event: Event, since: float, kind: str | None, match: dict[str, Any]) -> bool:
    if event["t"] < since or (kind is not None and event["kind"] != kind):
        return False
    return all(event.get(key) == value for key, value in match.items())
