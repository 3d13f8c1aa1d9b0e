"""What a command writes to: its width, its colours, and a reader that may have gone."""

from __future__ import annotations

import os
import shutil
import sys

_MAX_COLUMNS = 120
_DEFAULT_COLUMNS = 100
_DEFAULT_LINES = 40


def columns() -> int:
    """The width to write for."""
    return min(_MAX_COLUMNS, shutil.get_terminal_size((_DEFAULT_COLUMNS, _DEFAULT_LINES)).columns)


def wants_colour() -> bool:
    """Whether stdout is a terminal that shows colours, and nobody minds."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def lines() -> int:
    """The height of the terminal."""
    return shutil.get_terminal_size((_DEFAULT_COLUMNS, _DEFAULT_LINES)).lines


def write(text: str) -> bool:
    """Write to stdout. False: nobody reads it any more."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes stdout at exit once more; give it somewhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True
