"""A vCenter's sessions of nova's account, as the inventory tells them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from core.builders import observation, reading
from nova_watchdog.core.model import InventoryView, Observation, VCenterSession

HERE, THERE = "192.0.2.12", "192.0.2.11"
# The process of the builders runs since 100 s, and everything is read at 150 s.
STARTED_S, AT_S = 100.0, 150.0
SESSION = VCenterSession(HERE, "python-requests/2.31", idle_s=5.0, calls=42, age_s=40.0)


def seen(*sessions: VCenterSession, at_s: float = AT_S, **changes: Any) -> Observation:
    """A vCenter with these sessions of nova's account."""
    view = replace(InventoryView("uuid", {}, None, sessions, HERE), **changes)
    return replace(observation(AT_S), inventory=reading(view, at_s))
