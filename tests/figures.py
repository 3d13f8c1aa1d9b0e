"""Figures that tests find out, printed at the end of the run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

# What a busy machine may add to what takes no time. How fast it was is reported; `make bench` measures it.
BUSY_MACHINE_S = 15.0

Report = Callable[[str], None]
FIGURES = pytest.StashKey[list[str]]()
