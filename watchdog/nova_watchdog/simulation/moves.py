"""What must hold of the moves that no human asked for, whatever any daemon believes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nova_watchdog.core.breaker import share
from nova_watchdog.core.hold.moves import SETTLES_WITHIN_S, HoldPolicy
from nova_watchdog.core.model import Pairing
from nova_watchdog.simulation.parts.network import BUS, VCENTER
from nova_watchdog.simulation.parts.records import holds_in
from nova_watchdog.simulation.timeline import Timeline

# A process reports 10 s after its start at the earliest: before that nobody can call its pairing settled.
_SERVED_AFTER_S = 9.0
# Clocks drift, and what is told last counts.
_SLACK_S = 5.0
# By then a canary failed, and by then at the latest a standby's word shows that its own does.
_SEEN_WITHIN_S = 15.0
# What a daemon says of a path, and which one it means.
_PATHS = {"the path to vCenter": VCENTER, "the path to the message bus": BUS}


@dataclass(frozen=True, slots=True)
class _Released:
    giver: str
    pairing: str
    at_s: float


class Moves:
    """Judges them. cut_since_s: since when a controller has no way to a target, None: it has one."""

    def __init__(
        self,
        timeline: Timeline,
        pairings: Sequence[Pairing],
        policy: HoldPolicy,
        cut_since_s: Callable[[str, str], float | None],
    ) -> None:
        self._timeline = timeline
        self._pairings = {one.name: one for one in pairings}
        self._policy = policy
        self._cut_since_s = cut_since_s
        self._holds: dict[str, Mapping[str, Any]] = {}
        self._released: list[_Released] = []
        # By pairing: when its last process began, and when one last had run long enough to be served.
        self._began_at_s: dict[str, float] = {}
        self._served_at_s: dict[str, float] = {}

    def gave(self, controller: str, pairing: str, why: str) -> list[tuple[str, str]]:
        """It is stopped there so that it moves: what is wrong with that, as name and text."""
        targets = [target for words, target in _PATHS.items() if why.startswith(words)]
        for target in targets:
            since_s = self._cut_since_s(controller, target)
            least_s = self._policy.path_lost_hold_s - _SEEN_WITHIN_S
            if since_s is None or self._timeline.now_s - since_s < least_s:
                return [("path", f"{controller} gives {pairing} away: {why}, and it is not, or not for long")]
        return []

    def process_began(self, pairing: str) -> None:
        """It runs somewhere."""
        self._began_at_s[pairing] = self._timeline.now_s

    def process_ended(self, pairing: str) -> None:
        """It does not any more."""
        began_s = self._began_at_s.pop(pairing, None)
        if began_s is not None and self._timeline.now_s - began_s >= _SERVED_AFTER_S:
            self._served_at_s[pairing] = self._timeline.now_s

    def committed(self, who: str, puts: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
        """The store wrote these records: what is wrong with them, as name and text."""
        found = []
        for pairing, record in holds_in(puts).items():
            before = self._holds.get(pairing)
            self._holds[pairing] = record
            if before and not record["holder"] and len(record["moves"]) > len(before["moves"]):
                found += self._judge(_Released(who, pairing, self._timeline.now_s), before, record)
        return found

    def restored(self, records: Mapping[str, Mapping[str, Any]]) -> None:
        """The store went back."""
        self._holds = holds_in(records)

    def _judge(
        self, move: _Released, before: Mapping[str, Any], record: Mapping[str, Any]
    ) -> list[tuple[str, str]]:
        found = []
        failed_s = before.get("failed", {}).get(record["successor"])
        if failed_s is not None and record["moves"][-1] - failed_s < self._policy.move_window_s - _SLACK_S:
            found.append(("failed", f"{move.pairing} is given back to {record['successor']}, which failed"))
        others = [one.pairing for one in self._released if self._is_too_soon_after(one, move)]
        if others:
            text = f"{move.giver} gives {move.pairing} away before {' and '.join(others)} is served again"
            found.append(("breaker", text))
        self._released.append(move)
        return found

    def _is_too_soon_after(self, one: _Released, move: _Released) -> bool:
        if one.giver != move.giver or move.at_s - one.at_s >= SETTLES_WITHIN_S - _SLACK_S:
            return False
        if not share(self._pairings[one.pairing], self._pairings[move.pairing]):
            return False
        return not self._holds[one.pairing]["stopped"] and not self._is_served(one)

    def _is_served(self, one: _Released) -> bool:
        """Whether a process ran long enough since."""
        began_s = self._began_at_s.get(one.pairing)
        if began_s is not None and self._timeline.now_s - began_s >= _SERVED_AFTER_S:
            return True
        return self._served_at_s.get(one.pairing, -1.0) > one.at_s
