"""Reading single values of a foreign JSON record: the type it must have, or an error that says so."""

from __future__ import annotations

import math
from typing import Any

# What goes wrong when a record is not what it should be.
MISTAKES = (KeyError, TypeError, ValueError, OverflowError, AttributeError)


def text_of(value: Any, *, empty: bool = False) -> str:
    """A string, a non-empty one unless `empty`. Raises TypeError, ValueError."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.50} is no text")
    if not value and not empty:
        raise ValueError("a text is empty")
    return value


def flag_of(value: Any) -> bool:
    """A boolean. Raises TypeError."""
    if not isinstance(value, bool):
        raise TypeError(f"{value!r:.50} is neither true nor false")
    return value


def count_of(value: Any) -> int:
    """A whole number of 0 or more. Raises TypeError, ValueError."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r:.50} is no whole number")
    if value < 0:
        raise ValueError(f"{value} is less than 0")
    return value


def number_of(value: Any) -> float:
    """A finite number. Raises TypeError, ValueError, OverflowError."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"{value!r:.50} is no number")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value!r:.50} is not finite")
    return number


def seconds_of(value: Any, at_most_s: float) -> float:
    """A time of more than 0 seconds and at most that. Raises TypeError, ValueError, OverflowError."""
    number = number_of(value)
    if not 0 < number <= at_most_s:
        raise ValueError(f"{value!r:.50} is no time between 0 and {at_most_s:g} s")
    return number


def list_of(value: Any) -> list[Any]:
    """A list. Raises TypeError."""
    if not isinstance(value, list | tuple):
        raise TypeError(f"{value!r:.50} is no list")
    return list(value)
