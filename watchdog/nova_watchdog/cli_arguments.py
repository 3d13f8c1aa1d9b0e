"""What several commands read of their arguments."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def seconds_up_to(most_s: float) -> Callable[[str], float]:
    """Reads a time of more than 0 seconds and at most that."""

    def seconds(text: str) -> float:
        try:
            found = float(text)
        except ValueError:
            found = 0.0
        if not 0 < found <= most_s:
            raise argparse.ArgumentTypeError(f"is {text!r}; allowed: seconds, up to {most_s:g}")
        return found

    return seconds
