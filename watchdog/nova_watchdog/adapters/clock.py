"""The machine's own time."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

_BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")


class SystemClock:
    """`ports.Clock` on the kernel's clocks."""

    def __init__(self) -> None:
        # Read once: it cannot change while this process lives.
        self._boot_id = _BOOT_ID_FILE.read_text(encoding="ascii").strip()

    def now_s(self) -> float:
        """Monotonic seconds: `CLOCK_MONOTONIC`, which systemd's properties and asyncio's loop use too."""
        return time.clock_gettime(time.CLOCK_MONOTONIC)

    def wall_s(self) -> float:
        """Unix time in seconds."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Return after that much monotonic time."""
        await asyncio.sleep(seconds)

    def boot_id(self) -> str:
        """The kernel's boot id, a UUID as text."""
        return self._boot_id
