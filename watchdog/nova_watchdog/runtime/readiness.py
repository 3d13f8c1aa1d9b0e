"""Whether this controller could serve a pairing: what its loop sees, and what preflight sees, as one word."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from nova_watchdog.core.facts import Facts
from nova_watchdog.core.hold.records import Vantage
from nova_watchdog.core.hold.timing import Timing
from nova_watchdog.core.hold.vantage import vantage_of
from nova_watchdog.core.model import NOT_READ, Observation, Reading
from nova_watchdog.core.preflight.check import Report
from nova_watchdog.core.preflight.others import others_of
from nova_watchdog.core.snapshot import PairingSnapshot
from nova_watchdog.ports import Clock
from nova_watchdog.runtime.keeper import Keeper
from nova_watchdog.runtime.preflight import Asked, Preflight

# One round asks several times for the same pairing, and nothing of it changes so quickly.
_STANDS_FOR_S = 0.5
_NOTHING_SEEN = Observation(NOT_READ, NOT_READ, NOT_READ)


class Readiness:
    """Answers from what was seen last. `attach` the keeper before the first question.

    shown: the last snapshot of a pairing's loop, None: not looked yet.
    """

    def __init__(
        self,
        controller: str,
        timing: Timing,
        clock: Clock,
        preflight: Preflight,
        shown: Callable[[str], PairingSnapshot | None],
    ) -> None:
        self._me = controller
        self._timing = timing
        self._clock = clock
        self._preflight = preflight
        self._shown = shown
        self._keeper: Keeper | None = None
        self._managed: dict[str, bool] = {}
        self._last: dict[str, tuple[float, Vantage]] = {}

    def attach(self, keeper: Keeper) -> None:
        """Whose view of the other controllers counts."""
        self._keeper = keeper

    def vantage(self, pairing: str, facts: Facts | None) -> Vantage:
        """Could this controller serve it now, and if not, why not."""
        at_s, before = self._last.get(pairing, (0.0, None))
        now_s = self._clock.now_s()
        if before is not None and now_s - at_s < _STANDS_FOR_S:
            return before
        found = self._vantage(pairing, facts)
        self._last[pairing] = now_s, found
        return found

    def _vantage(self, pairing: str, facts: Facts | None) -> Vantage:
        reached = vantage_of(facts)
        shown = self._preflight.vantage(pairing, self._asked(pairing, facts))
        return replace(
            reached,
            ready=reached.ready and shown.ready,
            reason=shown.reason or reached.reason,
            identity=shown.identity,
            failing=shown.failing or reached.failing,
        )

    def blocked_by(self, pairing: str) -> Mapping[str, bool]:
        """Each check, and whether it keeps this controller from serving it; empty: it is not watched."""
        if not self._preflight.watches(pairing):
            return {}
        return {check.name: check.blocks for check in self.report(pairing).checks}

    def report(self, pairing: str) -> Report:
        """Every check, for people. Raises KeyError for a pairing that is not watched."""
        shown = self._shown(pairing)
        asked = self._asked(pairing, shown.decision.facts if shown else None)
        if self._keeper is not None:
            asked = replace(asked, keeper=self._keeper.snapshot())
        return self._preflight.report(pairing, asked)

    def is_managed(self, pairing: str) -> bool | None:
        """Whether its unit starts only with a token, and dies with the deadline.

        The last certain answer; None: there was none yet.
        """
        if self._preflight.watches(pairing):
            unit = self._preflight.local(pairing, self._observation(pairing)).unit
            if isinstance(unit, Reading) and unit.value.listed is not None:
                asks = unit.value.asks_may_start(self._preflight.unit_of(pairing))
                self._managed[pairing] = asks and unit.value.listed
        return self._managed.get(pairing)

    def _asked(self, pairing: str, facts: Facts | None) -> Asked:
        keeper = self._keeper
        if keeper is None:
            raise RuntimeError("the keeper is attached before anything is asked")
        others = others_of(pairing, self._me, keeper.sight, self._timing, self._clock.now_s())
        # Without the store's and the deadline's checks: who reads this record sees whether it moves on.
        return Asked(others, self._observation(pairing), facts, None)

    def _observation(self, pairing: str) -> Observation:
        shown = self._shown(pairing)
        return shown.observation if shown else _NOTHING_SEEN
