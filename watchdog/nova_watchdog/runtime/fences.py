"""Before a pairing is started where it did not run: what its last process left at the message bus is closed.

RabbitMQ keeps the connections of a lost controller for minutes and goes on delivering to them. Closing them
is a help and no part of the safety: where it fails the pairing is started all the same, and the log says so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from nova_watchdog.core.kv import kv
from nova_watchdog.core.model import Pairing
from nova_watchdog.ports import ActionRefusedError, BusFence, ResultUnknownError

_log = logging.getLogger("nova_watchdog.hold")

_TIMEOUT_S = 5.0


class Fences:
    """One closing for each epoch. `done` is called when a pairing need not wait any more."""

    def __init__(self, fence: BusFence | None, done: Callable[[], None]) -> None:
        self._fence = fence
        self._done = done
        self._epochs: dict[str, int] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def skip(self, pairing: str, epoch: int) -> None:
        """Nothing is to be closed in this epoch: it runs here already."""
        self._epochs[pairing] = epoch

    def begin(self, pairing: Pairing, epoch: int) -> None:
        """Close them, once in an epoch. Only while nothing of it runs here: its own would be closed too.

        Not at a first hold: nobody held it before, so nobody's death was shown.
        """
        if self._fence is None or epoch <= 1 or self._epochs.get(pairing.name) == epoch:
            return
        self._epochs[pairing.name] = epoch
        task = asyncio.ensure_future(self._close(self._fence, pairing))
        self._tasks[pairing.name] = task
        task.add_done_callback(partial(self._ended, pairing.name))

    def is_busy(self, pairing: str) -> bool:
        """Whether it should not be started yet."""
        return pairing in self._tasks

    def _ended(self, name: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(name) is task:
            del self._tasks[name]
        if not task.cancelled():
            task.result()
        self._done()

    async def _close(self, fence: BusFence, pairing: Pairing) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                closed = await fence.close_consumers(pairing.host)
        except (ActionRefusedError, ResultUnknownError) as error:
            _log.warning(kv("connections-not-closed", pairing=pairing.name, reason=str(error)))
        except TimeoutError:
            reason = f"no answer within {_TIMEOUT_S:g} s"
            _log.warning(kv("connections-not-closed", pairing=pairing.name, reason=reason))
        else:
            _log.info(kv("connections-closed", pairing=pairing.name, count=closed))

    async def close(self) -> None:
        """End what is under way."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
