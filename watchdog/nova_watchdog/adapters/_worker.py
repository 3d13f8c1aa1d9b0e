"""One thread for the blocking calls of one library to one remote side.

A thread of its own for each: a remote side that hangs delays nobody else. It is a daemon thread,
because a call that hangs in a socket cannot be ended from outside and must not keep the process
alive. It never gets a second call while the first one hangs, so neither a queue nor threads grow.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
_Call = Callable[[], Any]
_Done = Callable[[Any, BaseException | None], None]


class WorkerTimeoutError(Exception):
    """The call did not end in time. It may still end later; its result is dropped then.

    `running_for_s` is how long the call that occupies the thread has been running.
    """

    def __init__(self, running_for_s: float) -> None:
        super().__init__(f"no answer for {running_for_s:.0f} s")
        self.running_for_s = running_for_s


class Worker:
    """Runs blocking calls one after another in one daemon thread."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: queue.SimpleQueue[tuple[_Call, _Done] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._turn = asyncio.Lock()
        self._busy_since_s: float | None = None
        self._is_stopped = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def run(self, call: Callable[[], T], *, timeout_s: float) -> T:
        """Run `call` in the thread and return what it returns, or raise what it raises.

        The deadline covers the wait for callers before this one. Raises WorkerTimeoutError when it
        passes, and at once when a call that nobody waits for any more still occupies the thread.
        """
        began_at_s = time.monotonic()
        deadline = asyncio.timeout(timeout_s)
        try:
            async with deadline, self._turn:
                if self._busy_since_s is not None:
                    raise WorkerTimeoutError(time.monotonic() - self._busy_since_s)
                return await self._hand_over(call)
        except TimeoutError as error:
            if not deadline.expired():  # the call's own
                raise
            since_s = began_at_s if self._busy_since_s is None else self._busy_since_s
            raise WorkerTimeoutError(time.monotonic() - since_s) from error

    async def run_last(self, call: Callable[[], T], *, timeout_s: float) -> T:
        """As `run`, but let a call that nobody waits for any more end first; `stop` follows."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        except TimeoutError as error:
            raise WorkerTimeoutError(timeout_s) from error
        return await self.run(call, timeout_s=timeout_s)

    @property
    def is_stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._is_stopped

    def stop(self) -> None:
        """End the thread after its current call. The worker is not used again."""
        self._is_stopped = True
        if self._thread is not None:
            self._calls.put(None)

    async def _hand_over(self, call: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def settle(result: T, error: BaseException | None) -> None:
            self._busy_since_s = None
            self._idle.set()
            if future.done():  # nobody waits any more
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)

        def done(result: Any, error: BaseException | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the process ends
                loop.call_soon_threadsafe(settle, result, error)

        if self._thread is None:
            self._thread = threading.Thread(target=self._loop, name=self._name, daemon=True)
            self._thread.start()
        self._busy_since_s = time.monotonic()
        self._idle.clear()
        self._calls.put((call, done))
        return await future

    def _loop(self) -> None:
        while (item := self._calls.get()) is not None:
            call, done = item
            result, error = None, None
            try:
                result = call()
            except BaseException as caught:  # noqa: BLE001 - handed to the waiting caller, not swallowed
                error = caught
            done(result, error)
            # Nothing of the last call may live until the next one, least of all its traceback.
            del item, call, done, result, error
