"""The store of a single controller: one JSON file behind the port that etcd will use too."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import weakref
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from nova_watchdog.ports import StoreUnavailableError, Versioned

from ._store_file import StoreFile
from ._worker import Worker, WorkerTimeoutError

T = TypeVar("T")
_TIMEOUT_S = 5.0


class StoreLockedError(StoreUnavailableError):
    """Another process has the store open: there must not be two daemons on one controller."""


class LocalStore:
    """`ports.Store` on one file, which one process at a time may have open.

    What a record is worth after a crash: `commit` returns after the file and its directory were
    synced to disk. A file that cannot be understood is never overwritten.
    """

    def __init__(self, path: Path) -> None:
        self._file = StoreFile(path)
        self._lock_path = path.with_name(path.name + ".lock")
        self._lock_fd: int | None = None
        self._worker = Worker("local-store")
        self._is_closed = False
        self._opening = asyncio.Lock()
        # Weak: a watch ends when nobody holds it any more.
        self._watchers: weakref.WeakSet[_Watcher] = weakref.WeakSet()

    async def open(self) -> None:
        """Take the lock and read the file.

        Raises StoreLockedError when another process has it open, StoreUnavailableError with the file
        and the reason for everything else. Then `read` and `commit` try again: a disk may be mended.
        """

        def take() -> None:
            self._lock_fd = _lock(self._lock_path)
            self._file.load()

        try:
            await self._run(take)
        except StoreUnavailableError:
            self._unlock()
            raise

    async def close(self) -> None:
        """Give the lock back. The store is not opened again."""
        self._is_closed = True
        self._worker.stop()
        self._unlock()

    def _unlock(self) -> None:
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None

    async def read(self, prefix: str) -> Mapping[str, Versioned]:
        """Every record whose key starts with `prefix`. Raises StoreUnavailableError."""
        await self._require_open()
        return await self._run(lambda: self._file.select(prefix))

    async def commit(self, expected: Mapping[str, int], puts: Mapping[str, Mapping[str, Any]]) -> int:
        """Write all of `puts` if every key of `expected` is still at that revision (0: absent).

        Returns the new revision. Raises StoreConflictError (nothing written), StoreUnavailableError
        (may be written or not).
        """
        await self._require_open()
        loop = asyncio.get_running_loop()
        # A copy, as JSON has it: what the caller changes later is not part of this transaction.
        copies: dict[str, Any] = json.loads(json.dumps(dict(puts)))
        compared = dict(expected)

        def write() -> int:
            revision = self._file.commit(compared, copies)
            # From here, not after the wait: a write that ended too late for its caller is a change too.
            loop.call_soon_threadsafe(self._tell_watchers, tuple(copies))
            return revision

        return await self._run(write)

    def watch(self, prefix: str) -> AsyncIterator[str]:
        """Yield the key of each change below `prefix` from now on. May merge, never loses the last."""
        watcher = _Watcher(prefix)
        self._watchers.add(watcher)
        return watcher

    def _tell_watchers(self, keys: tuple[str, ...]) -> None:
        for watcher in list(self._watchers):
            watcher.tell(keys)

    async def _require_open(self) -> None:
        if self._is_closed:
            raise StoreUnavailableError(f"{self._file.path}: the store is closed")
        async with self._opening:
            if self._lock_fd is None:
                await self.open()

    async def _run(self, call: Callable[[], T]) -> T:
        try:
            return await self._worker.run(call, timeout_s=_TIMEOUT_S)
        except WorkerTimeoutError as error:
            raise StoreUnavailableError(f"{self._file.path}: the disk gave {error}") from error
        except OSError as error:
            raise StoreUnavailableError(f"{self._file.path}: {error.strerror or error}") from error


class _Watcher(AsyncIterator[str]):
    """The keys that changed since one watch was last asked."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        # A dict as an ordered set: bounded by the number of keys, however slow the reader.
        self._changed: dict[str, None] = {}
        self._wake = asyncio.Event()

    def tell(self, keys: tuple[str, ...]) -> None:
        for key in keys:
            if key.startswith(self._prefix):
                self._changed[key] = None
                self._wake.set()

    async def __anext__(self) -> str:
        while not self._changed:
            self._wake.clear()
            await self._wake.wait()
        key = next(iter(self._changed))
        del self._changed[key]
        return key


def _lock(path: Path) -> int:
    """Take the lock file for as long as the returned descriptor is open."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        fd = os.open(path, flags, 0o600)
    except OSError as error:
        raise StoreUnavailableError(f"{path}: the lock file cannot be opened: {error.strerror}") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    except BlockingIOError as error:
        holder = os.pread(fd, 20, 0).decode(errors="replace").strip() or "unknown"
        os.close(fd)
        raise StoreLockedError(f"{path}: another daemon has this store open (pid {holder})") from error
    except OSError as error:
        os.close(fd)
        raise StoreUnavailableError(f"{path}: the lock cannot be taken: {error.strerror}") from error
    return fd
