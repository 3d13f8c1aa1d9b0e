"""A store in memory that several daemons can share, and from which each can be cut off."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from nova_watchdog.ports import StoreConflictError, StoreUnavailableError, Versioned


class SharedRecords:
    """What the store holds; outlives every daemon."""

    def __init__(self) -> None:
        self.revision = 0
        self.records: dict[str, Versioned] = {}
        self.changed = asyncio.Event()


class FakeStore:
    """`ports.Store`: one daemon's access to `shared`."""

    def __init__(self, shared: SharedRecords | None = None) -> None:
        self.shared = shared or SharedRecords()
        self._lost_because: str | None = None
        self._loses_answers = False

    # --- the port

    async def read(self, prefix: str) -> Mapping[str, Versioned]:
        self._require_answer()
        return {
            key: Versioned(_copy(record.value), record.revision)
            for key, record in self.shared.records.items()
            if key.startswith(prefix)
        }

    async def commit(self, expected: Mapping[str, int], puts: Mapping[str, Mapping[str, Any]]) -> int:
        self._require_answer()
        records = self.shared.records
        for key, revision in expected.items():
            current = records[key].revision if key in records else 0
            if current != revision:
                raise StoreConflictError(f"{key} is at revision {current}, not {revision}")
        self.shared.revision += 1
        records.update({key: Versioned(_copy(value), self.shared.revision) for key, value in puts.items()})
        self.shared.changed.set()
        self.shared.changed = asyncio.Event()
        if self._loses_answers:
            raise StoreUnavailableError("the answer was lost")
        return self.shared.revision

    def watch(self, prefix: str) -> AsyncIterator[str]:
        return _Watch(self.shared, prefix)

    # --- faults

    def cut(self, reason: str = "the store gave no answer") -> None:
        """Nothing is read or written."""
        self._lost_because = reason

    def lose_answers(self) -> None:
        """Commits are carried out, but their answers never arrive."""
        self._loses_answers = True

    def heal(self) -> None:
        """All of that is over."""
        self._lost_because = None
        self._loses_answers = False

    def _require_answer(self) -> None:
        if self._lost_because is not None:
            raise StoreUnavailableError(self._lost_because)


class _Watch(AsyncIterator[str]):
    """The changes since it was made, each key once however often it changed meanwhile."""

    def __init__(self, shared: SharedRecords, prefix: str) -> None:
        self._shared = shared
        self._prefix = prefix
        self._seen = shared.revision
        self._pending: list[str] = []

    async def __anext__(self) -> str:
        while not self._pending:
            if self._seen == self._shared.revision:
                await self._shared.changed.wait()
            self._pending = [
                key
                for key, record in self._shared.records.items()
                if record.revision > self._seen and key.startswith(self._prefix)
            ]
            self._seen = self._shared.revision
        return self._pending.pop(0)


def _copy(value: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON has it: a fake that hands out its own objects would hide a caller that changes them."""
    copied: dict[str, Any] = json.loads(json.dumps(dict(value)))
    return copied
