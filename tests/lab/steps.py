"""Printing what `up` does and how long each step takes."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Steps:
    """Prints one line for each step: seconds since the start, what was done, and its own duration."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def line(self, text: str, took_s: float | None = None) -> None:
        """Print a line."""
        duration = "" if took_s is None else f"  ({took_s:.1f} s)"
        print(f"{time.monotonic() - self._start:7.1f} s  {text}{duration}", flush=True)

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Print a line when the block has ended well."""
        start = time.monotonic()
        yield
        self.line(text, time.monotonic() - start)
