"""What is told to people directly, because a scrape may miss it: one event, firing or over."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Severity(enum.Enum):
    """How loud: `CRITICAL` wakes somebody, `WARNING` waits until the morning, `INFO` is for the record."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that began, or is over.

    name: an alert's name, as CamelCase ("WatchdogActed"); has a runbook of that name.
    pairing: empty for an event of the daemon itself.
    key: names the occurrence; the event that ends it has the same one.
    summary: one line. detail: why, by which rule and readings. remedy: what a human can do.
    """

    name: str
    pairing: str
    controller: str
    key: str
    severity: Severity
    summary: str
    detail: str
    remedy: str
    began_wall_s: float
    ended_wall_s: float | None = None

    @property
    def firing(self) -> bool:
        """Whether it is still so."""
        return self.ended_wall_s is None
