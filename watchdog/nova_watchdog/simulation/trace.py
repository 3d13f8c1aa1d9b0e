"""What happened in a run, line by line: for people, and to compare two runs of the same scenario."""

from __future__ import annotations

from dataclasses import dataclass


def moment(at_s: float) -> str:
    """Simulated time for people, to the millisecond."""
    minutes, seconds = divmod(round(at_s, 3), 60.0)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:06.3f}"


@dataclass(frozen=True, slots=True)
class Line:
    """One thing. `at_s` is true time; `who`: a controller, "cloud" for what happens to it."""

    at_s: float
    who: str
    text: str

    def __str__(self) -> str:
        return f"{moment(self.at_s)}  {self.who:<10} {self.text}"


class Trace:
    """The lines in order. Bounded: `keep` of them, the oldest go first."""

    def __init__(self, keep: int = 100_000) -> None:
        self.lines: list[Line] = []
        self._keep = keep

    def add(self, at_s: float, who: str, text: str) -> None:
        """Remember it."""
        self.lines.append(Line(at_s, who, text))
        if len(self.lines) > 2 * self._keep:
            del self.lines[: -self._keep]

    def __str__(self) -> str:
        return "\n".join(str(line) for line in self.lines)
