"""A loop that takes the place of another one at a reload goes on where that one left off."""

from __future__ import annotations

import asyncio

import pytest

from fakes.manager import FakeManager
from nova_watchdog.core.diagnose import Diagnosis
from nova_watchdog.core.model import Mode
from nova_watchdog.core.permission import Pause
from nova_watchdog.runtime import fleet as fleet_module
from nova_watchdog.runtime.fleet import Fleet
from nova_watchdog.runtime.ledger import Ledger
from nova_watchdog.runtime.pairing_loop import PairingLoop
from runtime.bench import POLICY, UNIT, Bench


def reload(bench: Bench) -> None:
    """Another loop in the place of the bench's, as for a changed threshold."""
    before = bench.loop
    ledger = Ledger(bench.store, before.pairing, bench.clock)
    bench.loop = PairingLoop(before.pairing, POLICY, before._world, ledger, before)
    before.retire()


async def test_a_reload_forgets_neither_since_when_nor_for_how_long_it_has_been_so():
    """The page would say that it began with the reload, and the minutes would begin at zero."""
    bench = await Bench(mode=Mode.OBSERVE).healthy()
    bench.systemd.kill_by_human(UNIT)
    await bench.pass_time(60)
    before = bench.shown
    assert before.failed_s > 30
    reload(bench)
    assert bench.shown == before
    await bench.pass_time(2)
    assert bench.shown.diagnosis_since_wall_s == before.diagnosis_since_wall_s
    assert bench.shown.failed_s >= before.failed_s
    assert bench.shown.transitions == before.transitions


async def test_a_reload_does_not_let_the_neighbours_act_sooner():
    """One at a time, whatever was reloaded meanwhile."""
    bench = await Bench().healthy()
    bench.systemd.kill_by_human(UNIT)
    await bench.pass_time(2)
    acted_at_s = bench.loop.peer().acted_at_s
    assert acted_at_s is not None
    reload(bench)
    assert bench.loop.peer().acted_at_s == acted_at_s


async def test_a_restarted_daemon_keeps_the_distance_too():
    """From its record, with the first tick."""
    bench = await Bench().healthy()
    bench.systemd.kill_by_human(UNIT)
    await bench.pass_time(2)
    acted_at_s = bench.loop.peer().acted_at_s
    bench.boot()
    await bench.round()
    assert bench.loop.peer().acted_at_s == acted_at_s


async def test_what_was_told_before_a_reload_is_over_as_the_same_event():
    """With the time at which it began, and nothing else is told to be over."""
    bench = await Bench().healthy()
    bench.events.clear()
    bench.systemd.kill_by_human(UNIT)
    await bench.pass_time(2)
    reload(bench)
    assert await bench.pass_time(40) is Diagnosis.HEALTHY
    began, over = bench.events
    assert (began.key, began.began_wall_s, began.firing) == (over.key, over.began_wall_s, True)
    assert not over.firing


async def test_a_pause_that_waits_when_a_reload_comes_is_answered_by_the_new_loop():
    """Whoever asked would otherwise wait for a loop that is no more."""
    bench = await Bench().healthy()
    wall_s = bench.clock.wall_s()
    pause = Pause("storage firmware", "alice", wall_s, wall_s + 600)
    answer = asyncio.ensure_future(bench.loop.pause(pause))
    await asyncio.sleep(0)
    reload(bench)
    await bench.pass_time(1)
    async with asyncio.timeout(20):
        await answer
    assert bench.shown.pause == pause


class SlowStart:
    """A fleet of one dead pairing, whose start is under way until `go_on` is set."""

    def __init__(self, bench: Bench) -> None:
        self.fleet = Fleet("ctl1", "0", bench.clock, FakeManager())
        self.go_on = asyncio.Event()
        self._under_way = asyncio.Event()
        self._start = bench.systemd.start
        self._bench = bench
        bench.systemd.start = self._slow  # type: ignore[method-assign]

    async def _slow(self, unit: str, *, expected_invocation: str) -> None:
        await self._start(unit, expected_invocation=expected_invocation)
        self._under_way.set()
        await self.go_on.wait()

    async def begin(self) -> asyncio.Task[None]:
        """The task of the fleet, with the start under way."""
        await self.fleet.take([], [self._bench.loop])
        running = asyncio.create_task(self.fleet.run())
        self._bench.systemd.kill_by_human(UNIT)
        async with asyncio.timeout(20):
            while not self._under_way.is_set():
                await self._bench.clock.advance(1)
                await self._bench.vcenter_probe.take()
                await asyncio.sleep(0.005)
        return running


async def test_an_action_under_way_is_done_and_told_before_a_reload_takes_its_loop_out():
    """Cut off, it would have happened with no line in the log, no event and no count."""
    bench = await Bench().healthy()
    bench.events.clear()
    slow = SlowStart(bench)
    running = await slow.begin()
    taking = asyncio.create_task(slow.fleet.take([], []))
    await asyncio.sleep(0.05)
    assert not taking.done()
    slow.go_on.set()
    async with asyncio.timeout(20):
        await taking
    assert bench.actions == {("R39", "start", "done"): 1}
    assert [event.name for event in bench.events] == ["WatchdogActed"]
    running.cancel()
    await asyncio.wait((running,))


async def test_a_loop_that_never_ends_its_tick_does_not_hold_up_a_reload(monkeypatch: pytest.MonkeyPatch):
    """It is cancelled then."""
    monkeypatch.setattr(fleet_module, "_LAST_TICK_S", 0.05)
    bench = await Bench().healthy()
    slow = SlowStart(bench)
    running = await slow.begin()
    async with asyncio.timeout(20):
        await slow.fleet.take([], [])
    assert bench.actions == {}
    running.cancel()
    await asyncio.wait((running,))
