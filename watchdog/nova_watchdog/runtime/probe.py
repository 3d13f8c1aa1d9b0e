"""A probe in the background: one reading after the other, each with its own deadline.

A probe never delays another one and never acts: it keeps the last reading and wakes whoever listens. A
reading that fails is Unknown; only an error that no port declares comes through, and ends the daemon.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Generic, TypeVar

from nova_watchdog.core.model import Observed, Reading, Unknown
from nova_watchdog.core.snapshot import ProbeSnapshot
from nova_watchdog.ports import Clock, ProbeError

T = TypeVar("T")

# A requested reading comes at once, but requests cannot make a probe spin: so long after the last
# reading's end, longer when that one failed.
_GAP_S = 0.25
_GAP_AFTER_FAILURE_S = 1.0


class Probe(Generic[T]):
    """Takes a reading every `interval_s` and on request.

    `judge` tells whether a value counts as success, for the exported counters alone. A reading that
    takes longer than `deadline_s` is Unknown. After one that failed the next comes within `retry_s`.
    """

    def __init__(  # noqa: PLR0913 - plain arguments, named where it is called
        self,
        kind: str,
        target: str,
        read: Callable[[], Awaitable[T]],
        clock: Clock,
        *,
        interval_s: float,
        deadline_s: float,
        judge: Callable[[T], tuple[bool, str]],
        retry_s: float = math.inf,
    ) -> None:
        self._read = read
        self._clock = clock
        self._interval_s = interval_s
        self._deadline_s = deadline_s
        self._judge = judge
        self._retry_s = retry_s
        self._wanted = asyncio.Event()
        self._listeners: list[Callable[[], None]] = []
        self.observed: Observed[T] = Unknown("not read yet", clock.now_s())
        self.snapshot = ProbeSnapshot(kind, target, ok=False, detail="not read yet")

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Call `wake` after each reading."""
        self._listeners.append(wake)

    def unsubscribe(self, wake: Callable[[], None]) -> None:
        """Undo `subscribe`."""
        self._listeners.remove(wake)

    def request(self) -> None:
        """Ask for a reading that begins after this call."""
        self._wanted.set()

    async def run(self) -> None:
        """Probe until cancelled."""
        while True:
            self._wanted.clear()
            await self.take()
            ok = self.snapshot.ok
            gap_s = _GAP_S if ok else _GAP_AFTER_FAILURE_S
            pause_s = self._interval_s if ok else min(self._interval_s, self._retry_s)
            await asyncio.sleep(gap_s)
            try:
                async with asyncio.timeout(max(0.0, pause_s - gap_s)):
                    await self._wanted.wait()
            except TimeoutError:
                continue

    async def take(self) -> None:
        """Take one reading now, Unknown where it fails, and wake the listeners."""
        await self._read_once()
        for wake in self._listeners:
            wake()

    async def _read_once(self) -> None:
        began_s = self._clock.now_s()
        try:
            async with asyncio.timeout(self._deadline_s):
                value = await self._read()
        except TimeoutError:
            self._failed(began_s, f"no answer within {self._deadline_s:g} s")
        except ProbeError as error:
            self._failed(began_s, str(error))
        else:
            ended_s = self._clock.now_s()
            self.observed = Reading(value, began_s, ended_s)
            ok, detail = self._judge(value)
            self._count(began_s, ok=ok, detail=detail)

    def _failed(self, began_s: float, reason: str) -> None:
        self.observed = Unknown(reason, began_s)
        self._count(began_s, ok=False, detail=reason)

    def _count(self, began_s: float, *, ok: bool, detail: str) -> None:
        self.snapshot = replace(
            self.snapshot,
            ok=ok,
            detail=detail,
            last_duration_s=self._clock.now_s() - began_s,
            last_success_wall_s=self._clock.wall_s() if ok else self.snapshot.last_success_wall_s,
            runs=self.snapshot.runs + 1,
            failures=self.snapshot.failures + (not ok),
        )
