"""Time that stands still until a test moves it."""

from __future__ import annotations

import asyncio
import heapq
import itertools

# How often the event loop turns after each step, so that everything woken has run to its next wait.
_TURNS = 50


class FakeClock:
    """`ports.Clock` in virtual time. It starts at a time long after boot, as a daemon does."""

    def __init__(self, now_s: float = 1000.0, wall_s: float = 1.8e9, boot_id: str = "boot-1") -> None:
        self._now_s = now_s
        self._wall_offset_s = wall_s - now_s
        self._boot_id = boot_id
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now_s(self) -> float:
        return self._now_s

    def wall_s(self) -> float:
        return self._now_s + self._wall_offset_s

    def boot_id(self) -> str:
        return self._boot_id

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now_s + seconds, next(self._order), future))
        await future

    def step_wall(self, seconds: float) -> None:
        """Set the wall clock forward or back, as an administrator or NTP does."""
        self._wall_offset_s += seconds

    async def advance(self, seconds: float) -> None:
        """Let that much time pass, waking each sleeper at its own moment, in order."""
        until_s = self._now_s + seconds
        while self._sleepers and self._sleepers[0][0] <= until_s:
            at_s, _, future = heapq.heappop(self._sleepers)
            self._now_s = max(self._now_s, at_s)
            if not future.done():
                future.set_result(None)
                await settle()
        self._now_s = until_s
        await settle()


async def settle() -> None:
    """Let every task that can run do so."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)
