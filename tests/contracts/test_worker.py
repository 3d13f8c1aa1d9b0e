"""The thread behind the blocking libraries: one call at a time, and a hung one harms nobody."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time

import pytest

from contracts.waiting import PATIENCE_S, until
from nova_watchdog.adapters._worker import Worker, WorkerTimeoutError


@pytest.fixture
def worker():
    made = Worker("test-worker")
    yield made
    made.stop()


class _Hang:
    """A call that ends when it is told to."""

    def __init__(self):
        self._thaw = threading.Event()
        self.calls = 0

    def __call__(self):
        self.calls += 1
        self._thaw.wait(120)
        return "late"

    def thaw(self):
        self._thaw.set()


async def test_a_call_returns_what_the_function_returns(worker):
    """In a thread of the worker's own."""
    assert await worker.run(lambda: threading.current_thread().name, timeout_s=PATIENCE_S) == "test-worker"


async def test_a_call_raises_what_the_function_raises(worker):
    """A TimeoutError of its own too, which is not the deadline's."""
    with pytest.raises(ZeroDivisionError):
        await worker.run(lambda: 1 // 0, timeout_s=PATIENCE_S)

    def own_timeout():
        raise TimeoutError("the socket's")

    with pytest.raises(TimeoutError, match="the socket's"):
        await worker.run(own_timeout, timeout_s=PATIENCE_S)


async def test_a_hung_call_is_given_up_at_its_deadline(worker):
    """And says how long there was no answer."""
    hang = _Hang()
    began = time.monotonic()
    with pytest.raises(WorkerTimeoutError) as caught:
        await worker.run(hang, timeout_s=0.1)
    took_s = time.monotonic() - began
    assert 0.09 < took_s < 20
    assert 0 < caught.value.running_for_s <= took_s
    assert str(caught.value) == f"no answer for {caught.value.running_for_s:.0f} s"
    hang.thaw()


async def test_while_a_call_hangs_no_other_one_is_queued(worker):
    """The next callers are told at once, the function is not called again, and no thread is added."""
    hang = _Hang()
    with pytest.raises(WorkerTimeoutError):
        await worker.run(hang, timeout_s=0.05)
    threads = set(threading.enumerate())
    began = time.monotonic()
    for _ in range(50):
        with pytest.raises(WorkerTimeoutError):
            await worker.run(hang, timeout_s=PATIENCE_S)
    assert time.monotonic() - began < PATIENCE_S / 2  # not one of the fifty has waited
    assert set(threading.enumerate()) <= threads
    assert hang.calls == 1
    hang.thaw()


async def test_a_thawed_worker_goes_on(worker):
    """The late result is dropped, the next call gets its own."""
    hang = _Hang()
    with pytest.raises(WorkerTimeoutError):
        await worker.run(hang, timeout_s=0.05)
    hang.thaw()
    await until(worker._idle.is_set)
    assert await worker.run(lambda: "own", timeout_s=PATIENCE_S) == "own"


async def test_callers_wait_for_each_other_within_their_deadlines(worker):
    """Two at once are one after the other."""
    results = await asyncio.gather(*(worker.run(lambda n=n: n, timeout_s=PATIENCE_S) for n in range(5)))
    assert results == [0, 1, 2, 3, 4]


async def test_a_last_call_lets_an_abandoned_one_end(worker):
    """What a log-out needs: the read before it may have been cancelled half-way."""
    hang = _Hang()
    with pytest.raises(WorkerTimeoutError):
        await worker.run(hang, timeout_s=0.05)
    asyncio.get_running_loop().call_later(0.1, hang.thaw)
    assert await worker.run_last(lambda: "out", timeout_s=PATIENCE_S) == "out"


async def test_a_cancelled_caller_leaves_the_worker_usable(worker):
    """A shutdown cancels whoever waits."""
    hang = _Hang()
    caller = asyncio.ensure_future(worker.run(hang, timeout_s=PATIENCE_S))
    await until(lambda: hang.calls)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    hang.thaw()
    await until(worker._idle.is_set)
    assert await worker.run(lambda: 1, timeout_s=PATIENCE_S) == 1


_HANGS_AT_EXIT = """
import asyncio, contextlib, sys, time
from nova_watchdog.adapters._worker import Worker, WorkerTimeoutError

async def main():
    with contextlib.suppress(WorkerTimeoutError):
        await Worker("hung").run(lambda: time.sleep(600), timeout_s=0.05)

asyncio.run(main())
"""


def test_a_hung_call_does_not_keep_the_process_alive():
    """A vCenter that never answers must not delay the daemon's exit."""
    began = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-c", _HANGS_AT_EXIT],
        env={"PYTHONPATH": ":".join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert time.monotonic() - began < 60
