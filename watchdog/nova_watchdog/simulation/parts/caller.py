"""Who asks a port: a daemon that was killed unwinds, as Python needs, and the world must not hear of it."""

from __future__ import annotations

import asyncio
from asyncio.events import _get_running_loop

from nova_watchdog.simulation.loop import ControllerLoop


def is_dead() -> bool:
    """Whether the caller runs on the loop of a daemon that was killed. Outside of any loop: no."""
    loop = _get_running_loop()
    return isinstance(loop, ControllerLoop) and loop.is_dead


def require_life() -> None:
    """Raise CancelledError for a caller that is dead: what it asks for does not happen."""
    if is_dead():
        raise asyncio.CancelledError
