"""The clock's contract, on the fake and on the machine's clocks."""

from __future__ import annotations

import asyncio
import time
import uuid

import pytest

from fakes.clock import FakeClock
from nova_watchdog.adapters import clock as clock_adapter
from nova_watchdog.adapters.clock import SystemClock


class _Real:
    def __init__(self):
        self.clock = SystemClock()

    async def pass_time(self, seconds):
        await asyncio.sleep(seconds)


class _Fake:
    def __init__(self):
        self.clock = FakeClock()

    async def pass_time(self, seconds):
        await self.clock.advance(seconds)


@pytest.fixture(params=[_Fake, _Real])
def world(request):
    return request.param()


async def test_monotonic_and_wall_time_advance_together(world):
    """Both move by what passed."""
    before = (world.clock.now_s(), world.clock.wall_s())
    await world.pass_time(0.05)
    moved = [
        now - then for now, then in zip((world.clock.now_s(), world.clock.wall_s()), before, strict=True)
    ]
    assert all(0.04 < seconds < 20 for seconds in moved)


async def test_a_sleeper_wakes_when_its_time_has_come(world):
    """Not before, and not much later."""
    began = world.clock.now_s()
    sleeper = asyncio.ensure_future(world.clock.sleep(0.05))
    await world.pass_time(0.01)
    assert not sleeper.done() or world.clock.now_s() - began >= 0.05  # a busy machine may oversleep
    await world.pass_time(0.2)
    assert sleeper.done()
    assert world.clock.now_s() - began >= 0.05


async def test_sleepers_wake_in_the_order_of_their_times(world):
    """Also when they fell asleep in another order."""
    woken = []

    async def sleep(seconds):
        await world.clock.sleep(seconds)
        woken.append(seconds)

    tasks = [asyncio.ensure_future(sleep(seconds)) for seconds in (0.6, 0.02, 0.04)]
    await asyncio.sleep(0)
    await world.pass_time(0.7)
    assert woken == [0.02, 0.04, 0.6]
    await asyncio.gather(*tasks)


async def test_the_boot_id_stays(world):
    """It names this boot, not this call."""
    assert world.clock.boot_id() == world.clock.boot_id() != ""


def test_the_system_clock_is_systemds():
    """Its seconds compare with the `...TimestampMonotonic` properties: CLOCK_MONOTONIC."""
    clock, before_s = SystemClock(), time.clock_gettime(time.CLOCK_MONOTONIC)
    assert before_s <= clock.now_s() <= time.clock_gettime(time.CLOCK_MONOTONIC)


def test_a_boot_is_the_kernels_and_that_of_process_1():
    """A container boots anew under a kernel that runs on."""
    kernel, init_started_ticks = SystemClock().boot_id().split("/")
    assert uuid.UUID(kernel)
    assert int(init_started_ticks) >= 0


def test_another_start_of_process_1_is_another_boot(tmp_path, monkeypatch):
    """Whatever that process calls itself; and where /proc hides it, the kernel's id alone must do."""
    here = SystemClock().boot_id()
    stat = tmp_path / "stat"
    monkeypatch.setattr(clock_adapter, "_INIT_STAT_FILE", stat)
    stat.write_text("1 (an (odd) name) S " + " ".join(str(n) for n in range(4, 30)))
    assert SystemClock().boot_id() == here.split("/")[0] + "/22"
    stat.unlink()
    assert SystemClock().boot_id() == here.split("/")[0] + "/"


async def test_a_step_of_the_wall_clock_leaves_the_monotonic_one():
    """What the fake can do and a test machine should not: set the wall clock."""
    clock = FakeClock()
    before = clock.now_s(), clock.wall_s()
    clock.step_wall(-3600)
    assert clock.now_s() == before[0]
    assert clock.wall_s() == before[1] - 3600
