"""A decision between two threads: whether a change goes out, or it is too late for it."""

from __future__ import annotations

import threading


class Once:
    """Either begun or cancelled, whichever comes first; never both."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun = False
        self._cancelled = False

    def begin(self) -> bool:
        """Whether the change may go out now."""
        with self._lock:
            self._begun = not self._cancelled
            return self._begun

    def cancel(self) -> bool:
        """Whether the change has not gone out, and never will."""
        with self._lock:
            self._cancelled = not self._begun
            return self._cancelled
