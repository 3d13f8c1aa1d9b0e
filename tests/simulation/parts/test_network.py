"""Requests and replies, and how they get lost."""

from __future__ import annotations

import asyncio

import pytest

from nova_watchdog.ports import ProbeError, StoreUnavailableError
from nova_watchdog.simulation.parts.network import STORE
from simulation.parts.rig import Rig

TIMEOUT_S = 3.0


class Server:
    """Counts what it did, and when in true time."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.done_at_s: list[float] = []

    def work(self) -> int:
        self.done_at_s.append(self.rig.timeline.now_s)
        return len(self.done_at_s)

    async def ask(self) -> int:
        """One request of ctl1."""
        return await self.rig.network.carry(
            "ctl1", STORE, self.work, timeout_s=TIMEOUT_S, unanswered=lambda: StoreUnavailableError("late")
        )


def test_a_request_takes_its_way_there_and_back() -> None:
    """And the server does it in between."""
    rig = Rig()
    server = Server(rig)
    rig.network.slow("ctl1", STORE, 0.5, 0.5)
    assert rig.do(server.ask()) == 1
    assert (server.done_at_s, rig.timeline.now_s) == ([0.5], 1.0)


def test_what_is_refused_by_the_server_is_raised_at_once() -> None:
    """Its errors are the port's."""
    rig = Rig()

    def refuse() -> None:
        raise ProbeError("HTTP 503")

    with pytest.raises(ProbeError, match="503"):
        rig.do(rig.network.carry("ctl1", STORE, refuse, timeout_s=3, unanswered=lambda: ProbeError("late")))
    assert rig.timeline.now_s < 0.1


@pytest.mark.parametrize(
    ("requests", "replies", "done"), [(True, False, 0), (False, True, 1), (True, True, 0)]
)
def test_a_cut_is_one_way_or_both(*, requests: bool, replies: bool, done: int) -> None:
    """With the replies cut it happened, and nobody is told."""
    rig = Rig()
    server = Server(rig)
    rig.network.cut("ctl1", STORE, requests=requests, replies=replies)
    with pytest.raises(StoreUnavailableError):
        rig.do(server.ask())
    assert (len(server.done_at_s), rig.timeline.now_s) == (done, TIMEOUT_S)
    rig.network.heal("ctl1", STORE)
    assert rig.do(server.ask()) == done + 1


def test_what_is_on_its_way_when_the_way_is_cut_gets_lost() -> None:
    """In either direction."""
    rig = Rig()
    server = Server(rig)
    rig.network.slow("ctl1", STORE, 1.0, 1.0)
    rig.timeline.call_at(0.5, rig.network.cut, "ctl1", STORE)
    with pytest.raises(StoreUnavailableError):
        rig.do(server.ask())
    assert server.done_at_s == []


def test_a_late_request_is_carried_out_long_after_its_sender_gave_up() -> None:
    """And after its sender died."""
    rig = Rig()
    server = Server(rig)
    rig.network.slow("ctl1", STORE, 20.0, 20.0)
    with pytest.raises(StoreUnavailableError):
        rig.do(server.ask())
    rig.loop.kill()
    rig.wait(30)
    assert server.done_at_s == [20.0]


def test_the_time_that_a_request_may_take_is_counted_by_its_senders_clock() -> None:
    """A paused machine has not waited; a frozen one has, and gets the answer that came first."""
    rig = Rig()
    server = Server(rig)
    rig.network.slow("ctl1", STORE, 1.0, 1.0)
    rig.timeline.call_at(1.5, rig.machine.stand_still)
    rig.timeline.call_at(100.0, rig.machine.go_on)
    assert rig.do(server.ask()) == 1
    assert rig.timeline.now_s == 100.0


def test_loss_is_chance_and_chance_repeats() -> None:
    """The same seed loses the same."""

    def outcomes(seed: int) -> list[bool]:
        rig = Rig(seed=seed)
        rig.network.lose("ctl1", STORE, 0.3)

        async def ask() -> list[bool]:
            answers = [asyncio.ensure_future(Server(rig).ask()) for _ in range(200)]
            done = await asyncio.gather(*answers, return_exceptions=True)
            return [not isinstance(one, Exception) for one in done]

        return rig.do(ask())

    first = outcomes(1)
    assert first == outcomes(1) != outcomes(2)
    assert 60 < sum(first) < 140


def test_a_caller_that_gives_up_first_is_no_error() -> None:
    """Its own timeout is shorter; the answer comes to nobody."""
    rig = Rig()
    server = Server(rig)
    rig.network.slow("ctl1", STORE, 1.0, 1.0)

    async def ask() -> None:
        async with asyncio.timeout(1.5):
            await server.ask()

    with pytest.raises(TimeoutError):
        rig.do(ask())
    rig.wait(10)
    assert len(server.done_at_s) == 1
