"""What may befall a daemon: drift, a freeze, a pause of its machine, a kill."""

from __future__ import annotations

import asyncio

import pytest

from nova_watchdog.simulation.loop import ControllerLoop, run
from nova_watchdog.simulation.timeline import LocalClock, Timeline
from simulation.daemons import drifting, noted, tick


def test_two_loops_drift_apart_by_their_rates(timeline: Timeline) -> None:
    """A thousandth each way is 2 s in 1000 s; each sleeps by its own clock."""
    fast, slow = drifting(timeline, "fast", 1.001, offset_s=500), drifting(timeline, "slow", 0.999)
    woke_s: dict[str, float] = {}

    async def sleep(name: str) -> None:
        await asyncio.sleep(1000)
        woke_s[name] = timeline.now_s

    fast.create_task(sleep("fast"))
    slow.create_task(sleep("slow"))
    timeline.run_until(2000)
    assert woke_s == pytest.approx({"fast": 1000 / 1.001, "slow": 1000 / 0.999}, abs=1e-9)
    assert fast.time() == pytest.approx(500 + 2002)
    assert slow.time() == pytest.approx(1998)


@pytest.mark.parametrize("rate", [0.999, 0.9997, 1.0, 1.0003, 1.001])
def test_a_timer_never_finds_itself_early(timeline: Timeline, rate: float) -> None:
    """Not by a rounding error: who sleeps until due and looks would sleep for nothing, again and again."""
    loop = drifting(timeline, "ctl1", rate, offset_s=123_456.7)

    async def sleep_until_due() -> None:
        for number in range(2000):
            due_s = loop.time() + 1 / (number + 3)
            await asyncio.sleep(due_s - loop.time())
            assert loop.time() >= due_s
            woken = asyncio.Event()
            timer = loop.call_at(due_s := loop.time() + 0.1 * number, woken.set)
            await woken.wait()
            assert loop.time() >= timer.when() == due_s

    run(timeline, loop, sleep_until_due(), within_s=1_000_000)


def test_a_frozen_loop_runs_nothing_and_catches_up_in_order_by_a_clock_that_ran_on(
    timeline: Timeline, loop: ControllerLoop
) -> None:
    """What came due waits: timers and what the world completed, in the order in which it happened."""
    seen: list[str] = []
    answer = loop.create_future()

    async def wait_for(name: str, what: asyncio.Future[None] | float) -> None:
        await (asyncio.sleep(what) if isinstance(what, float) else what)
        seen.append(f"{name} at {loop.time():g}")

    loop.create_task(wait_for("before", 4.0))
    loop.create_task(wait_for("last", 9.0))
    loop.create_task(wait_for("answer", answer))
    loop.create_task(wait_for("first", 6.0))
    timeline.call_at(5, loop.freeze)
    timeline.call_at(8, answer.set_result, None)
    timeline.call_at(20, loop.thaw)
    timeline.run_until(19)
    assert loop.time() == 19
    assert seen == ["before at 4"]
    timeline.run_until(30)
    assert seen == ["before at 4", "answer at 20", "first at 20", "last at 20"]


def test_a_controller_that_stood_still_waits_as_long_as_it_still_had_to(timeline: Timeline) -> None:
    """Its clock stands too: a timer that is set, or due, meanwhile is late by the pause."""
    loop = drifting(timeline, "ctl1", 1.0, offset_s=100)
    seen: list[float] = []
    loop.create_task(tick(seen, every_s=4))
    timeline.call_at(6, loop.stand_still)
    timeline.call_at(7, loop.call_at, 107, seen.append, -107.0)
    timeline.call_at(56, loop.go_on)
    timeline.run_until(55)
    assert loop.time() == 106
    assert seen == [104]
    timeline.run_until(58)
    assert seen == [104, -107, 108]
    timeline.run_until(70)
    assert seen == [104, -107, 108, 112, 116, 120]
    assert loop.time() == 120
    loop.close()


def test_a_timer_of_after_the_pause_is_shifted_too(timeline: Timeline, loop: ControllerLoop) -> None:
    """One that was not yet due when the machine went on still waits for its local moment, and in order."""
    seen: list[str] = []
    loop.call_at(10, lambda: seen.append(f"first at {timeline.now_s:g}"))
    loop.call_at(10, lambda: seen.append(f"second at {timeline.now_s:g}"))
    timeline.call_at(2, loop.stand_still)
    timeline.call_at(5, loop.go_on)
    timeline.run_until(12.5)
    assert seen == []
    timeline.run_until(20)
    assert seen == ["first at 13", "second at 13"]


@pytest.mark.parametrize("order", ["freeze first, thaw first", "freeze first, go on first", "pause first"])
def test_frozen_and_standing_still_come_and_go_in_any_order(
    timeline: Timeline, loop: ControllerLoop, order: str
) -> None:
    """It runs again when neither holds any more."""
    seen: list[float] = []
    loop.create_task(tick(seen, every_s=1))
    steps = {
        "freeze first, thaw first": (loop.freeze, loop.stand_still, loop.thaw, loop.go_on),
        "freeze first, go on first": (loop.freeze, loop.stand_still, loop.go_on, loop.thaw),
        "pause first": (loop.stand_still, loop.freeze, loop.thaw, loop.go_on),
    }[order]
    for number, step in enumerate(steps):
        timeline.call_at(1.5 + 10 * number, step)
    timeline.run_until(31)
    assert seen == [1]
    timeline.run_until(34)
    assert len(seen) > 2
    loop.close()


def test_neither_can_be_had_twice_nor_ended_twice(loop: ControllerLoop) -> None:
    """The error says what has to come first."""
    with pytest.raises(RuntimeError, match=r"ctl1 is not frozen: freeze\(\) comes first"):
        loop.thaw()
    with pytest.raises(RuntimeError, match=r"does not stand still: stand_still\(\) comes first"):
        loop.go_on()
    loop.freeze()
    loop.stand_still()
    with pytest.raises(RuntimeError, match=r"ctl1 is frozen already: thaw\(\) comes first"):
        loop.freeze()
    with pytest.raises(RuntimeError, match=r"stands still already: go_on\(\) comes first"):
        loop.stand_still()


def test_loops_that_share_a_clock_stand_still_together(timeline: Timeline) -> None:
    """A paused machine pauses each of its daemons, and one that is made meanwhile."""
    clock = LocalClock(timeline)
    one, two = ControllerLoop(timeline, "one", clock), ControllerLoop(timeline, "two", clock)
    seen: list[float] = []
    one.create_task(tick(seen, every_s=2))
    timeline.call_at(1, two.stand_still)
    timeline.run_until(5)
    three = ControllerLoop(timeline, "three", clock)
    three.create_task(tick(seen, every_s=0.5))
    timeline.run_until(10)
    assert seen == []
    clock.go_on()
    timeline.run_until(10.75)
    assert seen == [1.5]
    timeline.run_until(11)
    assert seen == [1.5, 2, 2]
    for loop in (one, two, three):
        loop.close()


def test_a_daemon_may_be_frozen_by_what_it_does_itself(timeline: Timeline, loop: ControllerLoop) -> None:
    """The callback ends, the next one waits."""
    seen: list[str] = []
    loop.call_soon(loop.freeze)
    loop.call_soon(lambda: seen.append(f"at {loop.time():g}"))
    timeline.call_at(3, loop.thaw)
    timeline.run_until(5)
    assert seen == ["at 3"]


def test_a_killed_daemon_unwinds_at_that_instant_and_never_runs_again(
    timeline: Timeline, loop: ControllerLoop
) -> None:
    """In the middle of a timeout and of a group: every task is cancelled, no timeout fires."""
    seen: list[str] = []

    async def child(name: str) -> None:
        with noted(seen, name):
            async with asyncio.timeout(3):
                await asyncio.Event().wait()

    async def daemon() -> None:
        with noted(seen, "daemon"):
            async with asyncio.timeout(100), asyncio.TaskGroup() as group:
                for name in ("first", "second"):
                    group.create_task(child(name))

    task = loop.create_task(daemon())
    timeline.call_at(2, loop.kill)
    timeline.call_at(2, lambda: seen.append("the world goes on"))
    timeline.run_until(10)
    assert loop.is_dead
    assert loop.is_closed()
    assert task.cancelled()
    assert seen == [
        "first: CancelledError",
        "second: CancelledError",
        "daemon: CancelledError",
        "the world goes on",
    ]
    assert timeline.next_s() is None


def test_what_comes_late_for_a_dead_daemon_is_ignored(timeline: Timeline, loop: ControllerLoop) -> None:
    """The world may still complete its futures and set its timers; a task is refused."""
    answer = loop.create_future()
    seen: list[str] = []
    answer.add_done_callback(lambda _: seen.append("answer"))
    loop.call_later(3, seen.append, "an old timer")
    loop.kill()
    answer.set_result(None)
    loop.call_soon(seen.append, "soon")
    loop.call_later(1, seen.append, "later")
    for nothing_happens in (loop.kill, loop.freeze, loop.freeze, loop.thaw, loop.thaw, loop.close):
        nothing_happens()
    timeline.run_until(5)
    assert seen == []
    with pytest.raises(RuntimeError, match="ctl1 is dead: it runs no tasks any more"):
        loop.create_task(asyncio.sleep(1))


@pytest.mark.parametrize("befallen", ["frozen", "standing still", "both"])
def test_a_daemon_that_does_not_run_can_be_killed(
    timeline: Timeline, loop: ControllerLoop, befallen: str
) -> None:
    """A kill needs nobody's consent; its tasks unwind although nothing else of it ran."""
    seen: list[float] = []
    task = loop.create_task(tick(seen, every_s=1))
    timeline.run_until(1.5)
    if befallen != "standing still":
        loop.freeze()
    if befallen != "frozen":
        loop.stand_still()
    timeline.run_until(5)
    loop.kill()
    assert task.cancelled()
    assert seen == [1]


def test_a_daemon_may_be_killed_by_what_it_does_itself(timeline: Timeline, loop: ControllerLoop) -> None:
    """It is dead at once for the world, and gone as soon as its task gives way."""
    seen: list[str] = []

    async def act() -> None:
        with noted(seen, "act"):
            loop.kill()
            assert loop.is_dead
            assert not loop.is_closed()
            await asyncio.sleep(0)
            seen.append("never")

    loop.create_task(act())
    loop.call_soon(seen.append, "the same turn")
    timeline.run_until(0)
    assert seen == ["the same turn", "act: CancelledError"]
    assert loop.is_closed()


def test_a_daemon_may_be_killed_by_another_one(timeline: Timeline, loop: ControllerLoop) -> None:
    """As a fence does; the killer's turn ends first, and no loop runs inside another one."""
    killer = ControllerLoop(timeline, "killer")
    seen: list[str] = []

    async def victim() -> None:
        with noted(seen, "victim"):
            await asyncio.Event().wait()

    async def kill() -> None:
        await asyncio.sleep(1)
        loop.kill()
        seen.append("killed")

    loop.create_task(victim())
    run(timeline, killer, kill(), within_s=2)
    timeline.run_until(2)
    assert seen == ["killed", "victim: CancelledError"]


def test_a_cleanup_that_waits_is_cancelled_again(timeline: Timeline, loop: ControllerLoop) -> None:
    """A dead process gets no time for it. Its errors on the way are no news either."""
    seen: list[str] = []

    async def clean_up() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            with noted(seen, "cleanup"):
                await asyncio.sleep(5)

    async def fail() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("on the way out")

    loop.create_task(clean_up())
    loop.create_task(fail())
    timeline.run_until(1)
    loop.kill()
    assert seen == ["cleanup: CancelledError"]
    timeline.run_until(9)
    loop.close()


def test_a_task_that_has_not_begun_is_killed_without_noise(timeline: Timeline, loop: ControllerLoop) -> None:
    """No warning of a coroutine that was never awaited: warnings fail a test here."""
    seen: list[float] = []
    task = loop.create_task(tick(seen, every_s=1))
    loop.kill()
    assert task.cancelled()
    assert timeline.next_s() is None


def test_a_task_that_will_not_die_is_named(timeline: Timeline, loop: ControllerLoop) -> None:
    """Swallowing every cancellation is a bug in the daemon, and the bound tells of it."""

    async def stubborn() -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                continue

    loop.create_task(stubborn(), name="stubborn")
    timeline.run_until(1)
    with pytest.raises(RuntimeError, match=r"100 cancellations did not end: task stubborn \(in Event.wait"):
        loop.kill()
    assert loop.is_closed()
