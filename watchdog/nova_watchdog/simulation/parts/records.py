"""What a store holds and how it changes, without any way to it."""

from __future__ import annotations

import asyncio
import json
import marshal
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nova_watchdog.core.hold.records import HOLDS
from nova_watchdog.ports import StoreConflictError, Versioned

Values = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A backup of all records."""

    revision: int
    records: Mapping[str, tuple[bytes, int]]


def holds_in(records: Values) -> dict[str, Mapping[str, Any]]:
    """Those of them that say who holds a pairing, by its name."""
    return {key.removeprefix(HOLDS): value for key, value in records.items() if key.startswith(HOLDS)}


def as_json(values: Values) -> dict[str, dict[str, Any]]:
    """A copy as JSON has it."""
    copied: dict[str, dict[str, Any]] = json.loads(
        json.dumps({key: dict(value) for key, value in values.items()})
    )
    return copied


class Records:
    """Records with revisions, changed by transactions. Whoever reads or writes gets and leaves copies.

    They are kept packed: reading is what happens most, and unpacking is the quickest way to a copy.
    """

    def __init__(self) -> None:
        self.revision = 0
        self._packed: dict[str, tuple[bytes, int]] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def read(self, prefix: str) -> dict[str, Versioned]:
        """Every record whose key starts with `prefix`."""
        return {
            key: Versioned(marshal.loads(packed), revision)  # noqa: S302 - of our own making
            for key, (packed, revision) in self._packed.items()
            if key.startswith(prefix)
        }

    def commit(self, expected: Mapping[str, int], puts: Values) -> int:
        """Write all or nothing. `puts` is JSON. Raises StoreConflictError."""
        for key, revision in expected.items():
            current = self._packed[key][1] if key in self._packed else 0
            if current != revision:
                raise StoreConflictError(f"{key} is at revision {current}, not {revision}")
        self.revision += 1
        for key, value in puts.items():
            self._packed[key] = (marshal.dumps(dict(value)), self.revision)
        return self.revision

    def snapshot(self) -> Snapshot:
        """A backup."""
        return Snapshot(self.revision, dict(self._packed))

    def restore(self, snapshot: Snapshot) -> None:
        """Values *and* revisions are those of the backup again."""
        self.revision = snapshot.revision
        self._packed = dict(snapshot.records)


class Watch(AsyncIterator[str]):
    """The changes below `prefix` that it was told of, each key once however often it changed meanwhile."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._pending: dict[str, None] = {}
        self._waiter: asyncio.Future[None] | None = None

    def concerns(self, keys: Iterable[str]) -> list[str]:
        """Those of the keys that are below the prefix."""
        return [key for key in keys if key.startswith(self._prefix)]

    def tell(self, keys: Iterable[str]) -> None:
        """These have changed."""
        self._pending.update(dict.fromkeys(self.concerns(keys)))
        if self._pending and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def __anext__(self) -> str:
        while not self._pending:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        key = next(iter(self._pending))
        del self._pending[key]
        return key
