"""A human's pause, and what is told to people of the actions."""

from __future__ import annotations

import asyncio

import pytest

from nova_watchdog.core.diagnose import Diagnosis
from nova_watchdog.core.model import Mode
from nova_watchdog.core.permission import Pause, Permission
from nova_watchdog.ports import StoreUnavailableError
from runtime.bench import UNIT, Bench


async def paused(bench: Bench, for_s: float = 600.0) -> Pause:
    """A pause as the control socket would ask for it, recorded."""
    wall_s = bench.clock.wall_s()
    pause = Pause("storage firmware", "alice", wall_s, wall_s + for_s)
    answer = asyncio.ensure_future(bench.loop.pause(pause))
    await bench.pass_time(1)
    await answer
    return pause


async def test_a_paused_pairing_is_not_started_and_started_when_the_pause_ends_by_itself():
    """Nobody has to remember to resume."""
    bench = await Bench().healthy()
    await paused(bench, for_s=60)
    bench.systemd.kill_by_human(UNIT)
    await bench.pass_time(30)
    assert bench.systemd.starts == []
    assert bench.shown.permission is Permission.PAUSED
    assert bench.rules[-1] == "R31"
    await bench.pass_time(40)
    assert len(bench.systemd.starts) == 1


async def test_a_resume_ends_a_pause_at_once():
    """The same way in."""
    bench = await Bench().healthy()
    await paused(bench)
    answer = asyncio.ensure_future(bench.loop.pause(None))
    await bench.pass_time(1)
    await answer
    assert bench.shown.pause is None
    assert bench.shown.permission is Permission.PROTECT


async def test_a_pause_and_its_end_stand_in_the_history_with_who_and_why():
    """The next on call reads it there."""
    bench = await Bench().healthy()
    await paused(bench, for_s=5)
    await bench.pass_time(10)
    told = [(t.action, t.why) for t in bench.shown.transitions if t.action in ("pause", "resume")]
    assert [action for action, _ in told] == ["pause", "resume"]
    assert "alice" in told[0][1]
    assert "storage firmware" in told[0][1]
    assert told[1][1] == "the pause has ended"


async def test_a_pause_outlives_the_daemon():
    """It is in the record."""
    bench = await Bench().healthy()
    pause = await paused(bench)
    bench.boot()
    await bench.pass_time(2)
    assert bench.shown.pause == pause


async def test_a_pause_that_cannot_be_recorded_is_refused():
    """Whoever asked must know that nothing was paused."""
    bench = await Bench().healthy()
    bench.store.cut()
    wall_s = bench.clock.wall_s()
    answer = asyncio.ensure_future(bench.loop.pause(Pause("x", "alice", wall_s, wall_s + 60)))
    await bench.pass_time(1)
    with pytest.raises(StoreUnavailableError):
        await answer
    bench.store.heal()
    await bench.pass_time(2)
    assert bench.shown.pause is None


async def test_an_action_is_told_once_and_is_over_when_the_pairing_works_again():
    """One event, firing and then not, with the rule and the readings in it."""
    bench = await Bench().healthy()
    bench.events.clear()
    bench.systemd.kill_by_human(UNIT)
    await bench.pass_time(40)
    assert bench.diagnosis is Diagnosis.HEALTHY
    assert bench.shown.worries == ()
    began, over = bench.events
    assert (began.name, began.firing, over.firing) == ("WatchdogActed", True, False)
    assert began.key == over.key
    assert "R39" in began.detail
    assert "unit=down" in began.detail


async def test_every_start_of_one_trouble_is_the_same_event():
    """Three starts of a process that keeps dying are one page, not three."""
    bench = await Bench().healthy()
    bench.events.clear()
    bench.systemd.let_starts_die(1)
    bench.systemd.kill_by_human(UNIT)
    await bench.pass_time(60)
    assert len(bench.systemd.starts) == 3
    assert len({event.key for event in bench.events if event.name == "WatchdogActed"}) == 1


async def test_minutes_without_a_working_pairing_are_counted():
    """For the report after the night."""
    bench = await Bench(mode=Mode.OBSERVE).healthy()
    bench.systemd.kill_by_human(UNIT)
    await bench.pass_time(60)
    assert bench.shown.failed_s == pytest.approx(60, abs=3)
