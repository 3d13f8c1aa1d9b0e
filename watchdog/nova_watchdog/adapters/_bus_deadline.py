"""How much time is left for a chain of blocking calls."""

from __future__ import annotations

import time


class Deadline:
    """Counts from its making, on the monotonic clock that socket timeouts use too."""

    def __init__(self, seconds: float) -> None:
        self._ends_at_s = time.monotonic() + seconds

    def left_s(self) -> float:
        """What is left. Raises TimeoutError when nothing is."""
        left_s = self._ends_at_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        return left_s

    def within(self, seconds: float) -> Deadline:
        """A shorter one: that long from now, but never longer than this one."""
        return Deadline(min(seconds, self._ends_at_s - time.monotonic()))
