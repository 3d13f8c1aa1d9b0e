"""The machine's own time."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

_BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")
_INIT_STAT_FILE = Path("/proc/1/stat")
# proc(5): `starttime` is the 22nd field, and the name before it may hold blanks and parentheses.
_START_TIME_AFTER_NAME = 22 - 3


class SystemClock:
    """`ports.Clock` on the kernel's clocks."""

    def __init__(self) -> None:
        # Read once: it cannot change while this process lives.
        self._boot_id = f"{_BOOT_ID_FILE.read_text(encoding='ascii').strip()}/{_init_started()}"

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
        """The kernel's boot id and when process 1 began.

        A controller may be a container: it boots anew under a kernel that runs on, and systemd's memory of
        its units is gone all the same.
        """
        return self._boot_id


def _init_started() -> str:
    """The start time of process 1 in clock ticks, as text; empty where /proc hides it."""
    try:
        text = _INIT_STAT_FILE.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[_START_TIME_AFTER_NAME]
