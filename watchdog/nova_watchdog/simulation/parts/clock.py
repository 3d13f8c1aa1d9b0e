"""A machine's clocks as its daemons see them."""

from __future__ import annotations

import asyncio

from nova_watchdog.simulation.timeline import LocalClock, Timeline

_WALL_AT_BEGIN_S = 1.8e9


class MachineClock:
    """`ports.Clock` of one machine. `local` is the monotonic clock of this boot: each boot has a new one.

    The wall clock is kept by NTP: true time, but for what `step_wall` adds.
    """

    def __init__(self, name: str, timeline: Timeline, *, rate: float = 1.0, up_for_s: float = 1000.0) -> None:
        self._name = name
        self._timeline = timeline
        self._rate = rate
        self._boots = 0
        self._wall_step_s = 0.0
        self.begin_boot(up_for_s=up_for_s)

    def now_s(self) -> float:
        """Monotonic seconds since about the machine's boot."""
        return self.local.now_s()

    def wall_s(self) -> float:
        """Unix time in seconds."""
        return _WALL_AT_BEGIN_S + self._timeline.now_s + self._wall_step_s

    async def sleep(self, seconds: float) -> None:
        """Return after that much monotonic time, on the loop that asks."""
        await asyncio.sleep(seconds)

    def boot_id(self) -> str:
        """Names this boot."""
        return f"{self._name}-boot-{self._boots}"

    def step_wall(self, seconds: float) -> None:
        """Set the wall clock forward or back, as an administrator does."""
        self._wall_step_s += seconds

    def begin_boot(self, *, up_for_s: float) -> None:
        """Count anew: the machine was off."""
        self._boots += 1
        offset_s = up_for_s - self._rate * self._timeline.now_s
        self.local = LocalClock(self._timeline, offset_s=offset_s, rate=self._rate)
