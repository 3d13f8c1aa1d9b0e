"""What a lost nova-compute left at the message bus is closed once, before the next one starts."""

from __future__ import annotations

import asyncio

import pytest

from nova_watchdog.core.model import Mode, Pairing
from nova_watchdog.ports import ActionRefusedError, ResultUnknownError
from nova_watchdog.runtime import fences
from nova_watchdog.runtime.fences import Fences

PAIRING = Pairing("a", "nova-compute@a.service", "host-a", "vc", "cluster", Mode.PROTECT)


class Broker:
    """Closes when it is told to go on, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked: list[str] = []
        self.go_on = asyncio.Event()
        self._error = error

    async def close_consumers(self, host: str) -> int:
        """As the port."""
        self.asked.append(host)
        await self.go_on.wait()
        if self._error:
            raise self._error
        return 2


async def test_a_start_waits_until_the_connections_are_closed():
    """Busy until the broker answered, and then it is told."""
    broker, told = Broker(), asyncio.Event()
    its = Fences(broker, told.set)
    its.begin(PAIRING, 7)
    its.begin(PAIRING, 7)
    await asyncio.sleep(0)
    assert its.is_busy("a")
    broker.go_on.set()
    await told.wait()
    assert not its.is_busy("a")
    assert broker.asked == ["host-a"], "once in an epoch"


async def test_an_epoch_in_which_it_runs_here_closes_nothing():
    """Its own connections would be closed too."""
    broker = Broker()
    its = Fences(broker, lambda: None)
    its.skip("a", 7)
    its.begin(PAIRING, 7)
    assert not its.is_busy("a")
    its.begin(PAIRING, 8)
    assert its.is_busy("a")
    await its.close()
    assert not its.is_busy("a")


@pytest.mark.parametrize("error", [ActionRefusedError("no"), ResultUnknownError("late")])
async def test_a_broker_that_fails_keeps_nobody_from_starting(
    error: Exception, caplog: pytest.LogCaptureFixture
):
    """It is told in the log, and no more."""
    broker, told = Broker(error), asyncio.Event()
    its = Fences(broker, told.set)
    its.begin(PAIRING, 2)
    broker.go_on.set()
    await told.wait()
    assert not its.is_busy("a")
    assert "connections-not-closed" in caplog.text
    assert str(error) in caplog.text


async def test_a_silent_broker_delays_a_start_for_a_bounded_time(monkeypatch: pytest.MonkeyPatch):
    """Then it is started all the same."""
    monkeypatch.setattr(fences, "_TIMEOUT_S", 0.01)
    told = asyncio.Event()
    its = Fences(Broker(), told.set)
    its.begin(PAIRING, 2)
    await asyncio.wait_for(told.wait(), 5)
    assert not its.is_busy("a")


async def test_without_a_management_api_nothing_waits():
    """As where the operator configured none."""
    its = Fences(None, lambda: None)
    its.begin(PAIRING, 2)
    assert not its.is_busy("a")


async def test_a_first_hold_closes_nothing():
    """Nobody held it before, so whoever consumes there was not shown to be dead."""
    its = Fences(Broker(), lambda: None)
    its.begin(PAIRING, 1)
    assert not its.is_busy("a")
