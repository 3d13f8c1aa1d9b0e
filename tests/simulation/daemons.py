"""Small daemons for the tests of the loop they run on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from nova_watchdog.simulation.loop import ControllerLoop
from nova_watchdog.simulation.timeline import LocalClock, Timeline


def drifting(timeline: Timeline, name: str, rate: float, offset_s: float = 0.0) -> ControllerLoop:
    """A loop with a clock of that rate."""
    return ControllerLoop(timeline, name, LocalClock(timeline, offset_s=offset_s, rate=rate))


async def tick(seen: list[float], every_s: float) -> None:
    """Note the loop's own time again and again."""
    while True:
        await asyncio.sleep(every_s)
        seen.append(asyncio.get_running_loop().time())


@contextmanager
def noted(seen: list[str], name: str) -> Iterator[None]:
    """Note how the block ended."""
    try:
        yield
    except BaseException as error:
        seen.append(f"{name}: {type(error).__name__}")
        raise
