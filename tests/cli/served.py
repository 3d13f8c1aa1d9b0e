"""A daemon's control socket in a thread of its own, for commands that run an event loop themselves."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nova_watchdog.telemetry.operation_requests import Operating
from telemetry import asked
from telemetry.asked import RecordingControl


@contextmanager
def served(path: Path, control: RecordingControl, operations: Operating | None = None) -> Iterator[None]:
    """Serve two healthy pairings on `path` until the block ends."""
    ready, done = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def run() -> None:
        server = await asked.serve(path, control, operations=operations)
        loops.append(asyncio.get_running_loop())
        ready.set()
        await done.wait()
        await server.close()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    try:
        assert ready.wait(60)
        yield
    finally:
        loops[0].call_soon_threadsafe(done.set)
        thread.join(60)
