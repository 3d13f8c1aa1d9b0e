"""The pairings' records: read once, written before anything is done about them."""

from __future__ import annotations

from nova_watchdog.core.errors import RecordError
from nova_watchdog.core.model import Pairing
from nova_watchdog.core.record import from_record, key_of, to_record
from nova_watchdog.core.snapshot import Transition
from nova_watchdog.core.state import PairingState
from nova_watchdog.ports import Clock, Store, StoreUnavailableError


class Ledger:
    """One pairing's record in the store. Whoever loses a compare reads anew before writing again.

    The record names the unit and host that it speaks of. Where the configuration gives the pairing's name
    to another nova-compute, only the history stands: that one was never seen running here.
    """

    def __init__(self, store: Store, pairing: Pairing, clock: Clock) -> None:
        self._store = store
        self._key = key_of(pairing.name)
        self._subject = {"unit": pairing.unit, "host": pairing.host}
        self._boot_id = clock.boot_id()
        self._revision = 0

    async def load(self) -> tuple[PairingState, tuple[Transition, ...]]:
        """The recorded state, or a new one. Raises StoreUnavailableError, also for a foreign record."""
        found = (await self._store.read(self._key)).get(self._key)
        if found is None:
            self._revision = 0
            return PairingState(), ()
        try:
            state, transitions = from_record(found.value, self._boot_id)
        except RecordError as error:
            raise StoreUnavailableError(f"record {self._key}: {error}") from error
        self._revision = found.revision
        if any(found.value.get(key, value) != value for key, value in self._subject.items()):
            state = PairingState()
        return state, transitions

    async def save(self, state: PairingState, transitions: tuple[Transition, ...]) -> None:
        """Write the state. Raises StoreUnavailableError, StoreConflictError: then nothing may be done."""
        record = to_record(state, transitions, self._boot_id) | self._subject
        self._revision = await self._store.commit({self._key: self._revision}, {self._key: record})
