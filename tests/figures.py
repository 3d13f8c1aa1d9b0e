"""Figures that tests find out, printed at the end of the run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Report = Callable[[str], None]
FIGURES = pytest.StashKey[list[str]]()
