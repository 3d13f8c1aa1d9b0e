"""A reading that is too old is as good as none."""

from __future__ import annotations

from typing import TypeVar

from nova_watchdog.core.model import Observed, Unknown

T = TypeVar("T")


def fresh(observed: Observed[T], max_age_s: float, now_s: float) -> T | None:
    """The value, unless it is Unknown or was taken too long ago."""
    if isinstance(observed, Unknown) or now_s - observed.began_at_s > max_age_s:
        return None
    return observed.value
