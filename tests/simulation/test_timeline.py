"""True time: the order of everything, and its bounds."""

from __future__ import annotations

import asyncio

import pytest

from nova_watchdog.simulation.loop import ControllerLoop, run
from nova_watchdog.simulation.timeline import Livelock, LocalClock, Timeline
from simulation.daemons import drifting, noted, tick


def test_the_world_is_called_in_the_order_of_time_and_then_of_asking(timeline: Timeline) -> None:
    """What is asked for at an instant for that same instant comes after all that was due at it."""
    seen: list[str] = []

    def first() -> None:
        seen.append("first")
        timeline.call_later(0, seen.append, "asked now")
        timeline.call_at(1, seen.append, "asked now, too")

    timeline.call_at(2, seen.append, "last")
    timeline.call_at(1, first)
    timeline.call_at(1, seen.append, "second")
    cancelled = timeline.call_at(1, seen.append, "never")
    cancelled.cancel()
    timeline.run_until(5)
    assert seen == ["first", "second", "asked now", "asked now, too", "last"]
    assert timeline.now_s == 5


def test_a_step_runs_one_callback_and_tells_when_there_is_none(timeline: Timeline) -> None:
    """Cancelled ones are passed over, and time does not move for them."""
    timeline.call_at(3, print).cancel()
    assert not timeline.step()
    assert timeline.now_s == 0
    seen: list[int] = []
    timeline.call_at(1, seen.append, 1)
    timeline.call_at(1, seen.append, 2)
    assert timeline.step()
    assert (seen, timeline.now_s) == ([1], 1)


def test_the_hook_sees_the_world_after_each_callback_and_may_end_the_run(
    timeline: Timeline, loop: ControllerLoop
) -> None:
    """There the invariants are checked: what it raises comes out."""
    seen: list[float] = []

    def check() -> None:
        seen.append(timeline.now_s)
        if timeline.now_s == 3:
            raise AssertionError("broken")

    timeline.on_step = check
    loop.create_task(tick([], every_s=1))
    with pytest.raises(AssertionError, match="broken"):
        timeline.run_until(9)
    assert seen == [0, 1, 2, 3]
    timeline.on_step = None
    loop.close()


@pytest.mark.parametrize("when_s", [-1.0, float("nan"), float("inf")])
def test_nothing_can_be_due_in_the_past_or_never(timeline: Timeline, when_s: float) -> None:
    """The error names the callback and what is allowed."""
    with pytest.raises(ValueError, match=r"print cannot be due at .* s: allowed is from now, 0.0 s, on"):
        timeline.call_at(when_s, print)
    with pytest.raises(ValueError, match="cannot run until"):
        timeline.run_until(when_s)


def test_a_clock_far_from_true_time_is_a_mistake(timeline: Timeline, loop: ControllerLoop) -> None:
    """Most likely the offset was given as the rate; and no number is no time."""
    with pytest.raises(ValueError, match=r"cannot run at the rate 1000.0: allowed is 0.5 to 2"):
        LocalClock(timeline, rate=1000.0)
    with pytest.raises(ValueError, match="print cannot be due at nan"):
        loop.call_at(float("nan"), print)


def test_a_callback_of_the_world_that_asks_for_itself_for_ever_is_a_livelock(timeline: Timeline) -> None:
    """The bound is on one instant: the same number of callbacks over time is fine."""
    count = 0

    def again(delay_s: float) -> None:
        nonlocal count
        count += 1
        if count < 150_000:
            timeline.call_later(delay_s, again, delay_s)

    timeline.call_at(0, again, 0.001)
    timeline.run_until(1000)
    assert count == 150_000
    count = 0
    timeline.call_at(1000, again, 0.0)
    with pytest.raises(
        Livelock, match=r"more than 100000 callbacks at 1000 s; the last ones: .*again, .*again"
    ):
        timeline.run_until(2000)


def test_cancelled_timers_do_not_pile_up(timeline: Timeline, loop: ControllerLoop) -> None:
    """Long timeouts that end early are dropped long before they would be due."""

    async def wait() -> None:
        for _ in range(20_000):
            async with asyncio.timeout(1_000_000):
                await asyncio.sleep(1)

    run(timeline, loop, wait(), within_s=30_000)
    assert len(timeline._heap) < 2_000


def test_the_same_program_gives_the_same_run() -> None:
    """Everything that three loops do, in order, twice."""

    def story() -> list[str]:
        timeline = Timeline()
        seen: list[str] = []

        async def worker(name: str, number: int, events: list[asyncio.Event]) -> None:
            for turn in range(20):
                try:
                    async with asyncio.timeout(0.3 + 0.1 * number):
                        await events[(number + turn) % 3].wait()
                    events[turn % 3].clear()
                except TimeoutError:
                    events[number % 3].set()
                seen.append(
                    f"{name} {number} {turn} {timeline.now_s!r} {asyncio.get_running_loop().time()!r}"
                )
            raise ValueError(name)

        async def daemon(name: str) -> None:
            events = [asyncio.Event() for _ in range(3)]
            with noted(seen, name):
                async with asyncio.TaskGroup() as group:
                    for number in range(5):
                        group.create_task(worker(name, number, events))

        loops = [drifting(timeline, f"ctl{number}", 0.999 + number / 1000) for number in range(3)]
        tasks = [loop.create_task(daemon(loop.name)) for loop in loops]
        timeline.call_at(2, loops[1].freeze)
        timeline.call_at(3, loops[2].kill)
        timeline.call_at(4, loops[1].thaw)
        timeline.run_until(60)
        seen += [repr(task.cancelled() or type(task.exception())) for task in tasks]
        return seen

    told = story()
    assert told == story()
    assert told[-3:] == ["<class 'ExceptionGroup'>", "<class 'ExceptionGroup'>", "True"]
    assert len(told) > 150
