"""What a human asked for, as it goes on: phases, and one end."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass


class Ending(enum.Enum):
    """How it ended. Unknown is not failed: it may have happened, or may still happen."""

    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Step:
    """One phase. after_s: since it was asked for."""

    phase: str
    text: str
    after_s: float

    def document(self) -> Mapping[str, object]:
        """As one line of the answer."""
        return {"phase": self.phase, "text": self.text, "t": round(self.after_s, 3)}


@dataclass(frozen=True, slots=True)
class End:
    """The last word. reason: in words, also for what is done."""

    ending: Ending
    reason: str
    after_s: float

    def document(self) -> Mapping[str, object]:
        """As the last line of the answer."""
        return {"result": self.ending.value, "reason": self.reason, "t": round(self.after_s, 3)}
