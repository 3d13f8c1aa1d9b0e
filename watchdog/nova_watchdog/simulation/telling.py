"""A daemon's record of a pairing that tells the run's trace what is written into it."""

from __future__ import annotations

from collections.abc import Callable

from nova_watchdog.core.model import Pairing
from nova_watchdog.core.rules import TABLE
from nova_watchdog.core.snapshot import Transition
from nova_watchdog.core.state import PairingState
from nova_watchdog.ports import Clock, Store
from nova_watchdog.runtime.ledger import Ledger

# Who holds it not says so by its rule of holding already.
_UNTOLD = ("R04", "R05")
_WHYS = {rule.number: rule.why for rule in TABLE}


class TellingLedger(Ledger):
    """A ledger whose `said` takes each edge once it is recorded."""

    def __init__(self, store: Store, pairing: Pairing, clock: Clock, said: Callable[[str], None]) -> None:
        super().__init__(store, pairing, clock)
        self._name = pairing.name
        self._said = said
        self._last: Transition | None = None

    async def load(self) -> tuple[PairingState, tuple[Transition, ...]]:
        """What was recorded before is no news."""
        state, transitions = await super().load()
        self._last = transitions[-1] if transitions else None
        return state, transitions

    async def save(self, state: PairingState, transitions: tuple[Transition, ...]) -> None:
        """Tell the last edge if it is a new one: there is never more than one about the diagnosis."""
        await super().save(state, transitions)
        last = transitions[-1] if transitions else None
        # A note of what the keeper did says something else than the rule that it stands beside.
        is_edge = last is not None and last.why == _WHYS.get(last.rule)
        if last is not None and last is not self._last and is_edge and last.rule not in _UNTOLD:
            self._said(f"{self._name} {last.rule} {last.diagnosis}: {last.why}")
        self._last = last
