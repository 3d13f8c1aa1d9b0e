"""A receiver in memory, to be broken by a test, and events to tell it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from nova_watchdog.core.events import Event, Severity
from nova_watchdog.ports import NotifyError

BEGAN_S = 1.8e9


def event(
    key: str = "k", severity: Severity = Severity.WARNING, *, over: bool = False, summary: str = "restarted"
) -> Event:
    """One event of the pairing cluster-a, firing or over."""
    return Event(
        name="WatchdogActed",
        pairing="cluster-a",
        controller="ctl1",
        key=key,
        severity=severity,
        summary=summary,
        detail="R36: the process died, vCenter is fine",
        remedy="look at the journal of the unit",
        began_wall_s=BEGAN_S,
        ended_wall_s=BEGAN_S + 20 if over else None,
    )


class FakeNotifier:
    """`ports.Notifier`. `sent` holds each batch that was taken, `attempts` counts the others too."""

    def __init__(self) -> None:
        self.sent: list[list[Event]] = []
        self.attempts = 0
        self.error: NotifyError | None = None
        self.refuses: set[str] = set()  # keys that are never taken
        self._open = asyncio.Event()
        self._open.set()

    @property
    def told(self) -> list[str]:
        """What was taken: `+key` for a beginning, `-key` for an end."""
        return [("+" if one.firing else "-") + one.key for batch in self.sent for one in batch]

    def hang(self) -> None:
        """Give no answer until `thaw`."""
        self._open.clear()

    def thaw(self) -> None:
        self._open.set()

    async def send(self, events: Sequence[Event]) -> None:
        self.attempts += 1
        await self._open.wait()
        if self.error is not None:
            raise self.error
        if any(one.key in self.refuses for one in events):
            raise NotifyError("HTTP 400: invalid", gives_up=True)
        self.sent.append(list(events))
