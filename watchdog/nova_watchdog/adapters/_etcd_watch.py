"""Watches at etcd: what changed while nobody looked is found by comparing revisions, then a stream tells.

So a stream that broke, was silent or began at what is compacted, and a restored store, lose nothing.
"""

from __future__ import annotations

import asyncio
import json
import weakref
from collections.abc import AsyncIterator, Iterable

from nova_watchdog.ports import StoreUnavailableError

from ._etcd_gateway import Gateway
from ._etcd_http import MAX_ANSWER_BYTES
from ._etcd_words import NONSENSE, key_of, range_of, revision_of

# A stream that tells nothing for so long is compared with the store, and begun anew. The gateway's own
# progress notifications come every ten minutes.
_IDLE_S = 10.0
_RETRY_S = 1.0


class Watcher(AsyncIterator[str]):
    """The keys that changed since this one was last asked."""

    def __init__(self) -> None:
        # A dict as an ordered set: bounded by the number of keys, however slow the reader.
        self._changed: dict[str, None] = {}
        self._wake = asyncio.Event()
        self._end: BaseException | None = None

    def tell(self, keys: Iterable[str]) -> None:
        """Those have changed."""
        self._changed |= dict.fromkeys(keys)
        if self._changed:
            self._wake.set()

    def end(self, error: BaseException) -> None:
        """Nothing will be told any more."""
        self._end = error
        self._wake.set()

    async def __anext__(self) -> str:
        while not self._changed:
            if self._end is not None:
                raise self._end
            self._wake.clear()
            await self._wake.wait()
        key = next(iter(self._changed))
        del self._changed[key]
        return key


class Watches:
    """A task for each watcher that somebody still holds."""

    def __init__(self, gateway: Gateway, prefix: str) -> None:
        self._gateway = gateway
        self._prefix = prefix
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = False

    def begin(self, prefix: str) -> Watcher:
        """Tell of each key below `prefix`: first of all that exist, then of each change."""
        watcher = Watcher()
        if self._is_closed:
            watcher.end(StoreUnavailableError("etcd: closed"))
            return watcher
        loop = asyncio.get_running_loop()
        # Weak: a watch ends when nobody holds it any more.
        held = weakref.ref(watcher)
        task = loop.create_task(_Watch(self._gateway, self._prefix, prefix, held).run())
        weakref.finalize(watcher, _cancel, loop, task)
        self._tasks.add(task)
        task.add_done_callback(lambda ended: self._done(ended, held))
        return watcher

    async def close(self) -> None:
        """End all of them."""
        self._is_closed = True
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _done(self, task: asyncio.Task[None], held: weakref.ref[Watcher]) -> None:
        self._tasks.discard(task)
        error = StoreUnavailableError("etcd: closed") if task.cancelled() else task.exception()
        watcher = held()
        if watcher is not None and error is not None:
            watcher.end(error)


def _cancel(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(task.cancel)


class _Watch:
    """`known`: the revision of each key when it was last told of."""

    def __init__(
        self, gateway: Gateway, store_prefix: str, prefix: str, watcher: weakref.ref[Watcher]
    ) -> None:
        self._gateway = gateway
        self._store_prefix = store_prefix
        self._range = range_of(store_prefix + prefix)
        self._watcher = watcher
        self._known: dict[str, int] = {}
        self._cluster = ""
        self._revision = 0

    async def run(self) -> None:
        """Until cancelled. What fails is tried again: the store's absence is told by others."""
        while True:
            try:
                await self._catch_up()
                await self._follow()
            except StoreUnavailableError:
                await asyncio.sleep(_RETRY_S)

    async def _catch_up(self) -> None:
        """Tell of each key whose revision is not the known one, gone ones too."""
        answer = await self._gateway.ask("/v3/kv/range", {**self._range, "keys_only": True}, may_repeat=True)
        try:
            found = {key_of(entry, self._store_prefix): revision_of(entry) for entry in answer.get("kvs", ())}
            cluster, revision = str(answer["header"]["cluster_id"]), int(answer["header"]["revision"])
        except NONSENSE as error:
            raise StoreUnavailableError("etcd: the answer is not one of its gateway") from error
        if cluster != self._cluster or revision < self._revision:
            # Restored: the same revision may be another change.
            self._known = dict.fromkeys(self._known, 0)
        self._cluster, self._revision = cluster, revision
        keys = [key for key in {**found, **self._known} if found.get(key) != self._known.get(key)]
        self._known = found
        self._tell(keys)

    async def _follow(self) -> None:
        """Tell of changes until the stream ends, is silent, or cannot go on."""
        create = {**self._range, "start_revision": str(self._revision + 1)}
        async with self._gateway.stream("/v3/watch", {"create_request": create}) as content:
            left, wait_s, is_begun = b"", self._gateway.timeout_s, False
            while True:
                try:
                    async with asyncio.timeout(wait_s):
                        chunk = await content.readany()
                except TimeoutError:
                    if is_begun:
                        return
                    raise
                if not chunk:
                    raise StoreUnavailableError("etcd: the watch was ended")
                *lines, left = (left + chunk).split(b"\n")
                if len(left) > MAX_ANSWER_BYTES:
                    raise StoreUnavailableError("etcd: a change that is too large to be told")
                is_begun, wait_s = True, _IDLE_S
                for line in lines:
                    self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            result = json.loads(line)["result"]
            events = [(event.get("type", "PUT"), event["kv"]) for event in result.get("events", ())]
            changed = {
                key_of(entry, self._store_prefix): None if kind == "DELETE" else revision_of(entry)
                for kind, entry in events
            }
        except NONSENSE as error:
            raise StoreUnavailableError("etcd: the watch broke off") from error
        if result.get("canceled"):
            # Compacted, or not permitted: what was missed is found by comparing.
            raise StoreUnavailableError(f"etcd: the watch was ended: {result.get('cancel_reason', '')}")
        for key, revision in changed.items():
            if revision is None:
                self._known.pop(key, None)
            else:
                self._known[key] = revision
        self._tell(changed)

    def _tell(self, keys: Iterable[str]) -> None:
        watcher = self._watcher()
        if watcher is not None:
            watcher.tell(keys)
