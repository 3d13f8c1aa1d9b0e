"""Commands as a person runs them, and a daemon's control socket for them, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nova_watchdog import cli
from nova_watchdog.telemetry.operation_requests import Operating
from telemetry import asked
from telemetry.asked import RecordingControl


def run(*arguments: str | Path) -> int:
    """The exit code, usage errors included."""
    try:
        return cli.main([str(argument) for argument in arguments])
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1


@contextmanager
def served(path: Path, control: RecordingControl, operations: Operating | None = None) -> Iterator[None]:
    """Serve two healthy pairings on `path` until the block ends."""

    async def begin() -> Callable[[], Awaitable[None]]:
        return (await asked.serve(path, control, operations=operations)).close

    with beside(begin):
        yield


@contextmanager
def beside(begin: Callable[[], Awaitable[Callable[[], Awaitable[None]]]]) -> Iterator[None]:
    """What `begin` starts runs in a thread of its own until the block ends; it returns what ends it.

    A command runs an event loop itself.
    """
    ready, done = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        end = await begin()
        loops.append(asyncio.get_running_loop())
        ready.set()
        await done.wait()
        await end()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(60)
        yield
    finally:
        loops[0].call_soon_threadsafe(done.set)
        thread.join(60)
