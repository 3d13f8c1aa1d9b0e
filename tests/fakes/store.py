"""A store in memory that several daemons can share, and from which each can be cut off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nova_watchdog.ports import StoreUnavailableError
from nova_watchdog.simulation.parts.disk_store import DiskStore, WatchedRecords


class SharedRecords(WatchedRecords):
    """What the store holds; outlives every daemon."""


class FakeStore(DiskStore):
    """`ports.Store`: one daemon's access to shared records."""

    def __init__(self, shared: SharedRecords | None = None) -> None:
        super().__init__(shared or SharedRecords())
        self._loses_answers = False

    async def commit(self, expected: Mapping[str, int], puts: Mapping[str, Mapping[str, Any]]) -> int:
        revision = await super().commit(expected, puts)
        if self._loses_answers:
            raise StoreUnavailableError("the answer was lost")
        return revision

    def cut(self, reason: str = "the store gave no answer") -> None:
        """Nothing is read or written."""
        self.refusal = reason

    def lose_answers(self) -> None:
        """Commits are carried out, but their answers never arrive."""
        self._loses_answers = True

    def heal(self) -> None:
        """All of that is over."""
        self.refusal = None
        self._loses_answers = False
