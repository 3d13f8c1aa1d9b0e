"""One thing that a controller must show: its name, how it stands, and what a human would do about it."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nova_watchdog.core.hold.records import Vantage

# A record is written every few seconds, and has one of these for each pairing.
_LONGEST_REASON = 400


class Result(enum.Enum):
    """How a check stands."""

    PASS = "pass"  # noqa: S105 - a word of the preflight
    FAIL = "fail"
    WARN = "warn"
    UNKNOWN = "unknown"  # it could not be looked at: no fault of the setup, and no proof either


@dataclass(frozen=True, slots=True)
class Check:
    """One check. A `hard` one that failed, or could not be looked at, keeps it from taking over."""

    name: str
    result: Result
    detail: str
    remedy: str = ""
    hard: bool = True

    @property
    def blocks(self) -> bool:
        """Whether it keeps this controller from serving the pairing."""
        return self.hard and self.result in (Result.FAIL, Result.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Report:
    """All checks of one pairing on this controller, and what it tells the others of itself."""

    pairing: str
    unit: str
    holder: str
    checks: tuple[Check, ...]
    identity: Mapping[str, str] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        """Whether this controller could serve the pairing now."""
        return not any(check.blocks for check in self.checks)


def vantage_from(
    checks: Sequence[Check], identity: Mapping[str, str], accepted: frozenset[str] = frozenset()
) -> Vantage:
    """What this controller says of itself. `accepted`: checks that a human does not mind, by name."""
    blocking = [check for check in checks if check.blocks and check.name not in accepted]
    reason = "; ".join(f"{check.name}: {check.detail}" for check in blocking)
    if len(reason) > _LONGEST_REASON:
        reason = reason[: _LONGEST_REASON - 4] + " ..."
    return Vantage(
        ready=not blocking,
        reason=reason,
        identity=dict(identity),
        failing=tuple(check.name for check in blocking),
    )
