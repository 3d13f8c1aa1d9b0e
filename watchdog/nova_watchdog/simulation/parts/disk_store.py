"""A store that nothing lies between: that on a machine's own disk, which outlives reboots."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from nova_watchdog.ports import StoreUnavailableError, Versioned
from nova_watchdog.simulation.parts.caller import require_life
from nova_watchdog.simulation.parts.records import Records, Watch, as_json


class WatchedRecords(Records):
    """Records whose changes are told at once."""

    def __init__(self) -> None:
        super().__init__()
        self.watches: list[Watch] = []


class DiskStore:
    """`ports.Store` on `records`. `refusal`: why it gives no answer now, None: it does."""

    def __init__(self, records: WatchedRecords | None = None) -> None:
        self.records = records or WatchedRecords()
        self.refusal: str | None = None

    async def read(self, prefix: str) -> Mapping[str, Versioned]:
        """Every record below the prefix."""
        self._require_answer()
        return self.records.read(prefix)

    async def commit(self, expected: Mapping[str, int], puts: Mapping[str, Mapping[str, Any]]) -> int:
        """One transaction."""
        self._require_answer()
        revision = self.records.commit(expected, as_json(puts))
        for watch in self.records.watches:
            watch.tell(puts)
        return revision

    def watch(self, prefix: str) -> AsyncIterator[str]:
        """The keys that change from now on."""
        watch = Watch(prefix)
        self.records.watches.append(watch)
        return watch

    def _require_answer(self) -> None:
        require_life()
        if self.refusal is not None:
            raise StoreUnavailableError(self.refusal)
