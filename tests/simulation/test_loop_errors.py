"""No error is lost, and what can never end is told."""

from __future__ import annotations

import asyncio

import pytest

from nova_watchdog.simulation.loop import ControllerLoop, run
from nova_watchdog.simulation.timeline import Deadlock, Livelock, Timeline
from simulation.daemons import noted, tick


def test_a_callback_that_fails_comes_out_of_the_timeline_and_time_can_go_on(
    timeline: Timeline, loop: ControllerLoop
) -> None:
    """The error is the original one, with a note about who and when."""
    loop.call_later(2, int, "two")
    loop.call_later(3, timeline.call_at, 4, print)
    with pytest.raises(ValueError, match="two") as caught:
        timeline.run_until(10)
    assert caught.value.__notes__ == ["ctl1 at 2.0 s, its own clock at 2.0 s: a callback failed: int on ctl1"]
    timeline.run_until(10)
    assert timeline.now_s == 10


def test_several_errors_of_one_turn_come_out_together(timeline: Timeline, loop: ControllerLoop) -> None:
    """None hides another one."""
    loop.call_soon(int, "one")
    loop.call_soon(float, "two")
    with pytest.raises(ExceptionGroup, match=r"2 errors at 0.0 s") as caught:
        timeline.run_until(1)
    assert [str(error)[-5:] for error in caught.value.exceptions] == ["'one'", "'two'"]


def test_a_lost_task_that_fails_comes_out_of_the_timeline(timeline: Timeline, loop: ControllerLoop) -> None:
    """Nobody waits for it, so nobody else would tell."""

    async def fail() -> None:
        await asyncio.sleep(1)
        raise LookupError("lost")

    loop.create_task(fail())
    with pytest.raises(LookupError, match="lost"):
        timeline.run_until(5)


def test_a_failed_task_that_somebody_keeps_and_never_asks_is_told_at_the_close(
    timeline: Timeline, loop: ControllerLoop
) -> None:
    """asyncio tells of it only when it is dropped, which may be never."""

    async def fail() -> None:
        raise LookupError("kept")

    kept = loop.create_task(fail(), name="kept")
    timeline.run_until(5)
    with pytest.raises(LookupError, match="kept") as caught:
        loop.close()
    assert "nobody asked how kept ended" in caught.value.__notes__[0]
    assert kept.done()
    assert loop.is_closed()
    loop.close()


def test_an_exit_comes_out_at_once_and_the_rest_runs_later(timeline: Timeline, loop: ControllerLoop) -> None:
    """SystemExit and KeyboardInterrupt are not collected; what was ready stays ready."""
    seen: list[str] = []

    def leave() -> None:
        raise SystemExit(3)

    loop.call_soon(leave)
    loop.call_soon(seen.append, "after")
    with pytest.raises(SystemExit):
        timeline.run_until(1)
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()
    timeline.run_until(1)
    assert seen == ["after"]


def test_waiting_for_what_nobody_will_do_is_a_deadlock(timeline: Timeline, loop: ControllerLoop) -> None:
    """It names the task and the line where it waits; the task is cancelled."""
    seen: list[str] = []

    async def wait() -> None:
        with noted(seen, "wait"):
            await asyncio.Event().wait()

    with pytest.raises(
        Deadlock, match=r"task ctl1-1 \(in Event.wait, line \d+\) waits at 0.0 s, and nothing is due"
    ):
        run(timeline, loop, wait(), within_s=5)
    assert seen == ["wait: CancelledError"]


def test_what_is_not_done_in_time_is_a_timeout(timeline: Timeline, loop: ControllerLoop) -> None:
    """Time then stands at the bound, and the rest of the world can go on."""
    seen: list[float] = []
    loop.create_task(tick(seen, every_s=1))

    async def wait() -> None:
        await asyncio.Event().wait()

    with pytest.raises(
        TimeoutError, match=r"task ctl1-2 \(in Event.wait, line \d+\) was not done within 2.5 s"
    ):
        run(timeline, loop, wait(), within_s=2.5)
    assert timeline.now_s == 2.5
    timeline.run_until(4)
    assert seen == [1, 2, 3, 4]
    loop.close()


def test_a_loop_that_never_waits_is_a_livelock(timeline: Timeline, loop: ControllerLoop) -> None:
    """Within one turn it is found as well as between two loops, and it names who does it."""

    async def spin() -> None:
        while True:  # noqa: ASYNC110 - this is the fault
            await asyncio.sleep(0)

    loop.create_task(spin(), name="spinner")
    with pytest.raises(Livelock, match=r"at 0.0 s; the last ones: task spinner \(in sleep|__sleep0"):
        timeline.run_until(1)
    loop.kill()


def test_two_loops_that_wake_each_other_for_ever_are_a_livelock(timeline: Timeline) -> None:
    """Each turn is short, and time does not go on."""
    loops = [ControllerLoop(timeline, name) for name in ("a", "b")]
    events = [asyncio.Event(), asyncio.Event()]

    async def pass_on(mine: asyncio.Event, other: asyncio.Event) -> None:
        while True:
            await mine.wait()
            mine.clear()
            other.set()

    loops[0].create_task(pass_on(events[0], events[1]))
    loops[1].create_task(pass_on(events[1], events[0]))
    events[0].set()
    with pytest.raises(Livelock, match=r"task a-1 .* on a.*task b-1 .* on b"):
        timeline.run_until(1)
    for one in loops:
        one.kill()
