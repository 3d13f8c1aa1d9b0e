"""Asking the store how full it is: what stands for how long, and what becomes of silence."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fakes.clock import FakeClock
from nova_watchdog.core.model import Reading, Unknown
from nova_watchdog.core.store_size import StoreSize
from nova_watchdog.ports import ProbeError
from nova_watchdog.runtime import store_sizes
from nova_watchdog.runtime.holdings import Surroundings
from nova_watchdog.runtime.store_sizes import StoreSizes
from runtime.bench import Bench
from runtime.test_holdings import holdings_of

SIZE = StoreSize(4096, 1024)


class _Store:
    """Answers with what it holds; None: it hangs."""

    def __init__(self) -> None:
        self.said: Any = SIZE
        self.asked = 0

    async def size(self) -> StoreSize:
        self.asked += 1
        if self.said is None:
            await asyncio.Event().wait()
        if isinstance(self.said, Exception):
            raise self.said
        found: StoreSize = self.said
        return found


class _Parts:
    def __init__(self) -> None:
        self.clock, self.store = FakeClock(), _Store()
        self.sizes = StoreSizes(self.store.size, self.clock)

    async def ask(self) -> None:
        await self.sizes._probe.take()


@pytest.fixture
def parts() -> _Parts:
    return _Parts()


async def test_what_was_told_stands_over_a_question_that_failed(parts):
    """For three minutes; then nobody knows, and the last reason is told."""
    assert isinstance(parts.sizes.seen(), Unknown)
    await parts.ask()
    parts.store.said = ProbeError("permission denied")
    await parts.clock.advance(170.0)
    await parts.ask()
    seen = parts.sizes.seen()
    assert isinstance(seen, Reading)
    assert seen.value == SIZE
    await parts.clock.advance(20.0)
    seen = parts.sizes.seen()
    assert isinstance(seen, Unknown)
    assert seen.reason == "permission denied"
    parts.store.said = SIZE
    await parts.ask()
    assert isinstance(parts.sizes.seen(), Reading)


async def test_what_nobody_asks_any_more_is_old(parts):
    """A loop that hangs does not tell the same for ever."""
    await parts.ask()
    await parts.clock.advance(181.0)
    seen = parts.sizes.seen()
    assert isinstance(seen, Unknown)
    assert "too long ago" in seen.reason


async def test_a_store_that_hangs_is_not_known(parts, monkeypatch):
    """The question has a bound of its own."""
    monkeypatch.setattr(store_sizes, "_DEADLINE_S", 0.01)
    hanging = StoreSizes(parts.store.size, parts.clock)
    parts.store.said = None
    await hanging._probe.take()
    seen = hanging.seen()
    assert isinstance(seen, Unknown)
    assert "no answer within" in seen.reason


async def test_it_goes_on_asking_until_it_is_cancelled(parts, monkeypatch):
    """Sooner after a question that failed."""
    monkeypatch.setattr(store_sizes, "_RETRY_S", 0.0)
    monkeypatch.setattr("nova_watchdog.runtime.probe._GAP_AFTER_FAILURE_S", 0.0)
    asking = StoreSizes(parts.store.size, parts.clock)
    parts.store.said = ProbeError("no")
    task = asyncio.ensure_future(asking.run())
    async with asyncio.timeout(20):
        while parts.store.asked < 3:  # noqa: ASYNC110  what is waited for sets no event
            await asyncio.sleep(0.005)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


@pytest.mark.parametrize(
    ("seen", "size", "problem"),
    [(Reading(SIZE, 1.0, 2.0), SIZE, ""), (Unknown("permission denied", 1.0), None, "permission denied")],
)
def test_the_keepers_picture_has_it(seen, size, problem):
    """Or why it is not known; that is no problem of renewals."""
    bench = Bench()
    around = Surroundings(loop=lambda _: None, count=lambda *_: None, store_size=lambda: seen)
    keeper, _ = holdings_of(bench, around, [bench.loop.pairing]).snapshots()
    assert (keeper.size, keeper.size_problem, keeper.problem) == (size, problem, "")
