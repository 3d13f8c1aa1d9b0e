"""The dispatcher: it never waits, one bad receiver delays no other, and the log speaks on edges."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from fakes.clock import FakeClock, settle
from fakes.notifier import FakeNotifier, event
from nova_watchdog.core.events import Severity
from nova_watchdog.ports import NotifyError
from nova_watchdog.runtime.notify import Dispatcher, Receiver
from nova_watchdog.runtime.outbox import Terms


class Bench:
    """Two receivers, `good` and `bad`, in virtual time. Jitter is switched off."""

    def __init__(self, *, batch: int = 1, jitter: float = 1.0, **terms) -> None:
        self.clock = FakeClock()
        self.good, self.bad = FakeNotifier(), FakeNotifier()
        receivers = [
            Receiver(name, notifier, Terms(**terms), batch)
            for name, notifier in (("good", self.good), ("bad", self.bad))
        ]
        self.dispatcher = Dispatcher(receivers, self.clock, lambda: jitter)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Bench]:
        task = asyncio.create_task(self.dispatcher.run())
        await settle()
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.wait((task,))
            assert task.cancelled()

    async def tell(self, *events) -> None:
        self.dispatcher.tell(events)
        await settle()

    async def attempts_at(self, seconds: int) -> list[int]:
        """The seconds in which `bad` was tried."""
        found = []
        for second in range(1, seconds + 1):
            before = self.bad.attempts
            await self.clock.advance(1)
            if self.bad.attempts > before:
                found.append(second)
        return found

    @property
    def snapshot(self):
        return {one.name: one for one in self.dispatcher.snapshots()}["bad"]


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage().split(" ")[0].removeprefix("event=") for record in caplog.records]


async def test_an_event_reaches_every_receiver():
    """The beginning, and the end."""
    async with Bench().running() as bench:
        await bench.tell(event("a"))
        await bench.tell(event("a", over=True))
        assert bench.good.told == bench.bad.told == ["+a", "-a"]
        assert (bench.snapshot.delivered, bench.snapshot.queued, bench.snapshot.problem) == (2, 0, "")


async def test_a_receiver_that_hangs_delays_no_other():
    """Nor does it delay whoever tells, however much there is to tell."""
    async with Bench(bound=10).running() as bench:
        bench.bad.hang()
        await bench.tell(*[event(f"k{number}") for number in range(100)])
        for number in range(100):
            bench.dispatcher.tell([event(f"n{number}")])  # no await: it returns at once
        await settle()
        assert bench.bad.told == []
        assert bench.good.told[-1] == "+n99"
        assert (bench.snapshot.queued, bench.snapshot.bound, bench.snapshot.dropped) == (10, 10, 190)
        bench.bad.thaw()
        await settle()
        # The one that was on the way had been dropped meanwhile, and arrived all the same.
        assert bench.bad.told == ["+k90", *[f"+n{number}" for number in range(90, 100)]]


async def test_events_are_kept_until_the_dispatcher_runs():
    """What happens during the start is told after it."""
    bench = Bench()
    bench.dispatcher.tell([event("a")])
    async with bench.running():
        assert bench.good.told == ["+a"]


async def test_the_pauses_between_attempts_grow_up_to_a_minute():
    """Seconds at first; a receiver that is away for a day is not hammered."""
    async with Bench().running() as bench:
        bench.bad.error = NotifyError("HTTP 500")
        await bench.tell(event("a"))
        assert await bench.attempts_at(250) == [1, 3, 7, 15, 31, 63, 123, 183, 243]
        assert bench.snapshot.failures == bench.bad.attempts == 10
        assert (bench.snapshot.queued, bench.snapshot.problem) == (1, "HTTP 500")
        bench.bad.error = None
        await bench.clock.advance(60)
        assert bench.bad.told == ["+a"]
        assert (bench.snapshot.queued, bench.snapshot.problem) == (0, "")


async def test_new_events_do_not_shorten_a_pause():
    """A flood of events is no flood of attempts."""
    async with Bench().running() as bench:
        bench.bad.error = NotifyError("HTTP 500")
        await bench.tell(event("a"))
        for number in range(20):
            await bench.tell(event(f"n{number}"))
        assert bench.bad.attempts == 1


async def test_jitter_halves_a_pause_at_most():
    """Controllers that failed together do not ask together."""
    async with Bench(jitter=0.0).running() as bench:
        bench.bad.error = NotifyError("HTTP 500")
        await bench.tell(event("a"))
        await bench.clock.advance(0.49)
        assert bench.bad.attempts == 1
        await bench.clock.advance(0.02)
        assert bench.bad.attempts == 2


@pytest.mark.parametrize(("wish_s", "expected"), [(30.0, 30), (0.0, 1), (86400.0, 600)])
async def test_a_receiver_is_left_alone_for_as_long_as_it_asks(wish_s: float, expected: int):
    """But not for more than ten minutes, nor for less than the pause."""
    async with Bench().running() as bench:
        bench.bad.error = NotifyError("HTTP 429", retry_after_s=wish_s)
        await bench.tell(event("a"))
        bench.bad.error = None
        assert await bench.attempts_at(700) == [expected]


async def test_after_a_success_the_first_pause_is_short_again():
    """An outage of an hour is forgotten."""
    async with Bench().running() as bench:
        bench.bad.error = NotifyError("HTTP 500")
        await bench.tell(event("a"))
        await bench.clock.advance(100)
        bench.bad.error = None
        await bench.clock.advance(60)
        bench.bad.error = NotifyError("HTTP 500")
        await bench.tell(event("b"))
        assert (await bench.attempts_at(4)) == [1, 3]


async def test_what_lasts_is_told_again():
    """Every `resend_s`, and its end several times."""
    async with Bench(resend_s=60.0, resolves=2).running() as bench:
        await bench.tell(event("a"))
        await bench.clock.advance(125)
        await bench.tell(event("a", over=True))
        await bench.clock.advance(300)
        assert bench.good.told == ["+a", "+a", "+a", "-a", "-a"]


async def test_many_go_in_one_batch():
    """Alertmanager takes them all at once, the most severe first."""
    async with Bench(batch=3).running() as bench:
        bench.bad.error = NotifyError("HTTP 500")
        await bench.tell(event("a"))
        await bench.tell(event("b", Severity.CRITICAL), event("c"), event("d"))
        bench.bad.error = None
        await bench.clock.advance(1)
        assert [[one.key for one in batch] for batch in bench.bad.sent] == [["b", "a", "c"], ["d"]]


async def test_a_refused_event_costs_no_other_one(caplog: pytest.LogCaptureFixture):
    """A batch that is refused goes one by one, and only the bad one is dropped."""
    async with Bench(batch=10).running() as bench:
        bench.bad.refuses = {"b"}
        await bench.tell(event("a"), event("b"), event("c"))
        assert bench.bad.told == ["+a", "+c"]
        assert (bench.snapshot.dropped, bench.snapshot.queued) == (1, 0)
        assert lines(caplog) == ["notify-refused"]
        await bench.tell(event("d"), event("e"))
        assert len(bench.bad.sent[-1]) == 2  # together again


async def test_the_log_says_once_that_a_receiver_failed_and_once_that_it_is_back(
    caplog: pytest.LogCaptureFixture,
):
    """However often it was tried."""
    caplog.set_level(logging.INFO)
    async with Bench().running() as bench:
        bench.bad.error = NotifyError("HTTP 500: no space left")
        await bench.tell(event("a"))
        await bench.clock.advance(100)
        bench.bad.error = None
        await bench.clock.advance(60)
        await bench.tell(event("b"))
    assert [record.getMessage() for record in caplog.records] == [
        'event=notify-failed receiver=bad reason="HTTP 500: no space left"',
        "event=notify-recovered receiver=bad after_s=123 dropped=0",
    ]


async def test_the_log_says_once_that_events_are_dropped(caplog: pytest.LogCaptureFixture):
    """Each outage anew."""
    async with Bench(bound=2).running() as bench:
        for outage in "xy":
            bench.bad.error = NotifyError("HTTP 500")
            for number in range(5):
                await bench.tell(event(f"{outage}{number}"))
            bench.bad.error = None
            await bench.clock.advance(60)
    assert lines(caplog).count("notify-overflow") == 2


async def test_what_waits_at_the_end_is_tried_once_more():
    """The daemon stops because it acted: that is what somebody wants to know."""
    bench = Bench()
    async with bench.running():
        bench.bad.error = NotifyError("HTTP 500")
        await bench.tell(event("a"), event("b"))
        bench.bad.error = None
    assert bench.bad.told == ["+a", "+b"]


async def test_a_receiver_that_hangs_does_not_hold_up_the_end(caplog: pytest.LogCaptureFixture):
    """One short attempt, and the log says what was left."""
    bench = Bench()
    async with asyncio.timeout(20), bench.running():
        bench.bad.hang()
        await bench.tell(event("a"), event("b"))
    assert bench.good.told == ["+a", "+b"]
    assert [record.getMessage() for record in caplog.records] == [
        'event=notify-left receiver=bad events=2 reason="no answer in time"'
    ]


async def test_a_new_dispatcher_goes_on_where_the_old_one_left_off():
    """After a reload nothing is told twice, and ends are still told."""
    bench = Bench()
    async with bench.running():
        await bench.tell(event("a"))
        bench.bad.error = NotifyError("HTTP 500")
        await bench.tell(event("b"))
    after = Bench()
    after.dispatcher.inherit(bench.dispatcher)
    async with after.running():
        assert (after.good.told, after.bad.told) == ([], ["+b"])
        await after.tell(event("a", over=True))
        assert (after.good.told, after.bad.told) == (["-a"], ["+b", "-a"])
        assert after.snapshot.failures == bench.snapshot.failures


async def test_without_receivers_it_runs_until_cancelled():
    """Nothing is configured: that is no end."""
    dispatcher = Dispatcher([], FakeClock(), lambda: 0.0)
    task = asyncio.create_task(dispatcher.run())
    dispatcher.tell([event("a")])
    await settle()
    assert not task.done()
    assert dispatcher.snapshots() == ()
    task.cancel()
    await asyncio.wait((task,))


async def test_a_defect_in_a_notifier_is_not_swallowed():
    """It ends the daemon: half a watchdog is worse than a restarted one."""
    bench = Bench()

    async def broken(_events) -> None:
        raise ZeroDivisionError

    bench.bad.send = broken  # type: ignore[method-assign,assignment]
    bench.dispatcher.tell([event("a")])
    with pytest.raises(ExceptionGroup, match="unhandled"):
        await bench.dispatcher.run()
