"""Time in the lab's copies of Prometheus' and Alertmanager's files.

The alerts count on a scrape every 15 s. Scraping more often and dividing every pause, window and `for:` by
the same number keeps how many scrapes each of them spans, and which of two is the longer one. What the lab's
cloud itself does (a restart, a heartbeat, the driver's recovery) takes as long as ever: where an alert's
patience is meant for that, as `keep_firing_for` is, a smaller number is more faithful; 1 is the real pace.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SCRAPE_INTERVAL_MS = 15_000
_LEAST_WINDOW_SCRAPES = 3
_UNITS_MS = {
    "ms": 1,
    "s": 1_000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
    "y": 31_536_000_000,
}
_DURATION = r"(?:\d+(?:ms|[smhdwy]))+"
_PARTS = re.compile(r"(\d+)(ms|[smhdwy])")
_QUOTED_OR_WINDOW = re.compile(
    r'"(?:[^"\\]|\\.)*"'
    r"|'(?:[^'\\]|\\.)*'"
    rf"|(?P<open>\[\s*)(?P<range>{_DURATION})(?P<colon>\s*:\s*)?(?P<step>{_DURATION})?(?P<close>\s*\])"
    rf"|(?P<offset>\boffset\s+-?\s*)(?P<shift>{_DURATION})"
)


@dataclass(frozen=True)
class Pace:
    """How many times faster the pager is than in a real cloud: with 15, `for: 5m` becomes 20 s."""

    faster: int

    @property
    def scrape_interval_ms(self) -> int:
        """Pause between two scrapes, and between two looks at the rules."""
        return _SCRAPE_INTERVAL_MS // self.faster

    def duration(self, text: str, least_ms: int = 0) -> str:
        """A duration such as `1m30s`, divided, not shorter than `least_ms`; ValueError if it is none."""
        if text == "0":
            return text
        if not re.fullmatch(_DURATION, text):
            raise ValueError(f"duration {text!r}: allowed is a number and a unit, such as 90s or 1m30s")
        total_ms = sum(int(number) * _UNITS_MS[unit] for number, unit in _PARTS.findall(text))
        return f"{max(total_ms // self.faster, least_ms)}ms"

    def expression(self, text: str) -> str:
        """A PromQL expression with its windows, steps and offsets divided; numbers and names stay.

        No window becomes shorter than three scrapes: its function needs the samples.
        """

        def change(found: re.Match[str]) -> str:
            if found["range"]:
                window = self.duration(found["range"], _LEAST_WINDOW_SCRAPES * self.scrape_interval_ms)
                step = self.duration(found["step"], 1) if found["step"] else ""
                return f"{found['open']}{window}{found['colon'] or ''}{step}{found['close']}"
            if found["shift"]:
                return f"{found['offset']}{self.duration(found['shift'], 1)}"
            return found[0]

        return _QUOTED_OR_WINDOW.sub(change, text)
