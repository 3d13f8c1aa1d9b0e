"""A store that forgets everything with its process, for a single look that keeps no record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from nova_watchdog.ports import StoreConflictError, Versioned


class VolatileStore:
    """`ports.Store` in memory, for one process."""

    def __init__(self) -> None:
        self._records: dict[str, Versioned] = {}
        self._revision = 0
        self._changed = asyncio.Condition()
        self._log: list[str] = []

    async def read(self, prefix: str) -> Mapping[str, Versioned]:
        """Every record whose key starts with `prefix`."""
        return {key: record for key, record in self._records.items() if key.startswith(prefix)}

    async def commit(self, expected: Mapping[str, int], puts: Mapping[str, Mapping[str, Any]]) -> int:
        """Write all of `puts` if every key of `expected` is still at that revision (0: absent)."""
        for key, revision in expected.items():
            found = self._records.get(key)
            if (found.revision if found else 0) != revision:
                raise StoreConflictError(f"{key} has changed")
        self._revision += 1
        for key, value in puts.items():
            self._records[key] = Versioned(dict(value), self._revision)
            self._log.append(key)
        async with self._changed:
            self._changed.notify_all()
        return self._revision

    async def watch(self, prefix: str) -> AsyncIterator[str]:
        """Yield the key of each change below `prefix` from now on."""
        seen = len(self._log)
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: len(self._log) > seen)  # noqa: B023 - awaited right here
            fresh, seen = self._log[seen:], len(self._log)
            for key in fresh:
                if key.startswith(prefix):
                    yield key
