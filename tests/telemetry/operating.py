"""Operations whose course a test decides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from nova_watchdog.core.operation import End, Ending, Step

STEPS = (
    Step("asked", "asked by alice", 0.0),
    Step("taken", "ctl2 holds it, epoch 2", 4.26),
)
DONE = End(Ending.DONE, "ctl2 holds it, epoch 2, and it reports to Nova", 16.31)


class PlayedOperations:
    """Tells `course` and keeps what it was asked for; with `waits` it ends only after `go_on`."""

    def __init__(self, course: Sequence[Step | End] = (*STEPS, DONE), *, waits: bool = False) -> None:
        self.course = course
        self.asked: list[tuple[object, ...]] = []
        self.error: Exception | None = None
        self.ended = asyncio.Event()
        self._may_go_on = asyncio.Event()
        if not waits:
            self._may_go_on.set()

    def wait(self) -> None:
        """Keep the end back until `go_on`."""
        self._may_go_on.clear()

    def go_on(self) -> None:
        """Tell the end."""
        self._may_go_on.set()

    async def failover(
        self, pairing: str, *, to: str, accept: tuple[str, ...], by: str, timeout_s: float
    ) -> AsyncIterator[Step | End]:
        self.asked.append(("failover", pairing, to, accept, by, timeout_s))
        async for one in self._play():
            yield one

    async def restart(
        self, pairing: str, *, reason: str, by: str, timeout_s: float
    ) -> AsyncIterator[Step | End]:
        self.asked.append(("restart", pairing, reason, by, timeout_s))
        async for one in self._play():
            yield one

    async def _play(self) -> AsyncIterator[Step | End]:
        for one in self.course:
            if isinstance(one, End):
                await self._may_go_on.wait()
                self.ended.set()
            yield one
        if self.error is not None:
            raise self.error
