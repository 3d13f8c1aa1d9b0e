"""The loop of a simulated daemon is asyncio in virtual time."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator

import pytest

from nova_watchdog.simulation.loop import ControllerLoop, run
from nova_watchdog.simulation.timeline import Timeline
from simulation.daemons import noted


def test_sleeping_takes_virtual_time_and_gives_the_result(timeline: Timeline, loop: ControllerLoop) -> None:
    """A day passes at once."""

    async def sleep() -> str:
        await asyncio.sleep(86_400)
        return "rested"

    assert run(timeline, loop, sleep(), within_s=90_000) == "rested"
    assert timeline.now_s == 86_400


def test_a_timeout_ends_a_wait_at_its_moment_and_not_one_that_was_in_time(
    timeline: Timeline, loop: ControllerLoop
) -> None:
    """`asyncio.timeout` works on both sides of its moment, nested too."""

    async def wait() -> list[float]:
        ended_at_s = []
        for set_after_s in (2.0, 9.0):
            event = asyncio.Event()
            timeline.call_later(set_after_s, event.set)
            try:
                async with asyncio.timeout(100), asyncio.timeout(5):
                    await event.wait()
            except TimeoutError:
                ended_at_s.append(-timeline.now_s)
            else:
                ended_at_s.append(timeline.now_s)
        return ended_at_s

    assert run(timeline, loop, wait(), within_s=20) == [2.0, -7.0]


def test_a_task_group_cancels_its_children_in_the_order_in_which_they_began(
    timeline: Timeline, loop: ControllerLoop
) -> None:
    """One fails, the others are cancelled; that TaskGroup keeps them in a set makes no difference."""
    seen: list[str] = []

    async def child(number: int) -> None:
        with noted(seen, str(number)):
            await asyncio.sleep(1 if number == 0 else 10)
            raise ValueError(number)

    async def parent() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(40):
                group.create_task(child(number))

    with pytest.raises(ExceptionGroup) as caught:
        run(timeline, loop, parent(), within_s=20)
    assert [str(error) for error in caught.value.exceptions] == ["0"]
    assert seen == ["0: ValueError", *(f"{number}: CancelledError" for number in range(1, 40))]
    assert timeline.now_s == 1


def test_a_queue_hands_over_between_tasks(timeline: Timeline, loop: ControllerLoop) -> None:
    """A bounded queue makes the producer wait for the consumer."""

    async def produce(queue: asyncio.Queue[int]) -> None:
        for number in range(5):
            await queue.put(number)

    async def consume() -> list[tuple[float, int]]:
        queue: asyncio.Queue[int] = asyncio.Queue(maxsize=1)
        producer = asyncio.ensure_future(produce(queue))
        taken = []
        for _ in range(5):
            await asyncio.sleep(1)
            taken.append((timeline.now_s, await queue.get()))
        await producer
        return taken

    assert run(timeline, loop, consume(), within_s=9) == [(1, 0), (2, 1), (3, 2), (4, 3), (5, 4)]


def test_wait_gather_and_shield_work(timeline: Timeline, loop: ControllerLoop) -> None:
    """The rest of what the daemon uses of asyncio."""

    async def after(delay_s: float) -> float:
        await asyncio.sleep(delay_s)
        return delay_s

    async def all_of_it() -> None:
        tasks = [asyncio.create_task(after(delay_s), name=f"after {delay_s}") for delay_s in (3.0, 1.0, 2.0)]
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        assert [task.get_name() for task in done] == ["after 1.0"]
        assert [task.get_name() for task in pending] == ["after 3.0", "after 2.0"]
        _, pending = await asyncio.wait(tasks, timeout=1.5)
        assert timeline.now_s == 2.5
        assert await asyncio.gather(*tasks) == [3.0, 1.0, 2.0]
        inner = asyncio.create_task(after(4.0))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await asyncio.shield(inner)
        assert await inner == 4.0
        assert timeline.now_s == 7.0

    run(timeline, loop, all_of_it(), within_s=20)


def test_callbacks_of_a_loop_run_in_the_order_in_which_they_were_asked_for(
    timeline: Timeline, loop: ControllerLoop
) -> None:
    """FIFO for what is called soon, time and then order for timers, and a cancelled one never."""
    seen: list[str] = []

    async def ask() -> None:
        loop.call_later(1, seen.append, "later, second")
        loop.call_at(loop.time() + 0.5, seen.append, "later, first")
        loop.call_later(0.7, seen.append, "never").cancel()
        loop.call_at(float("inf"), seen.append, "never")
        for name in ("soon, first", "soon, second"):
            loop.call_soon(seen.append, name)
        loop.call_soon(seen.append, "never").cancel()
        await asyncio.sleep(1)

    run(timeline, loop, ask(), within_s=2)
    assert seen == ["soon, first", "soon, second", "later, first", "later, second"]


def test_a_callback_has_the_context_in_which_it_was_asked_for(
    timeline: Timeline, loop: ControllerLoop
) -> None:
    """Context variables behave as in asyncio."""
    word: contextvars.ContextVar[str] = contextvars.ContextVar("word", default="none")
    seen: list[str] = []

    async def inner() -> None:
        word.set("inner")
        loop.call_soon(lambda: seen.append(word.get()))
        await asyncio.sleep(1)

    async def outer() -> None:
        word.set("outer")
        loop.call_later(2, lambda: seen.append(word.get()))
        await asyncio.create_task(inner())
        seen.append(word.get())
        await asyncio.sleep(5)

    run(timeline, loop, outer(), within_s=9)
    assert seen == ["inner", "outer", "outer"]
    assert word.get() == "none"


def test_an_asynchronous_generator_that_is_dropped_still_ends_its_wait(
    timeline: Timeline, loop: ControllerLoop
) -> None:
    """Its `finally` may await, as on any asyncio loop."""
    seen: list[str] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(1)
            seen.append(f"closed at {timeline.now_s:g}")

    async def read() -> None:
        async for number in numbers():
            seen.append(str(number))
            break
        await asyncio.sleep(3)

    run(timeline, loop, read(), within_s=5)
    assert seen == ["1", "closed at 1"]


def test_the_running_loop_is_the_one_whose_callback_runs(timeline: Timeline) -> None:
    """Two loops take turns, none runs inside the other, and in between there is none."""
    seen: list[str] = []

    async def note() -> None:
        for _ in range(2):
            seen.append(repr(asyncio.get_running_loop()))
            await asyncio.sleep(1)

    loops = [ControllerLoop(timeline, name) for name in ("a", "b")]
    for one in loops:
        one.create_task(note())

    def outside() -> None:
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        assert not any(one.is_running() for one in loops)
        seen.append("none")

    timeline.call_at(0.5, outside)
    timeline.run_until(3)
    assert seen == [f"<ControllerLoop {name}>" for name in "ab"] + ["none"] + [
        f"<ControllerLoop {name}>" for name in "ab"
    ]


def test_a_loop_does_not_run_inside_another_one(timeline: Timeline, loop: ControllerLoop) -> None:
    """Neither by running the timeline in its callback, nor in a real loop."""

    async def nested() -> None:
        timeline.run_until(5)

    with pytest.raises(RuntimeError, match="inside one of its own callbacks"):
        run(timeline, loop, nested(), within_s=1)

    async def inside_asyncio() -> None:
        loop.call_soon(print)
        timeline.step()

    with pytest.raises(RuntimeError, match=r"ctl1 cannot run inside .*EventLoop"):
        asyncio.run(inside_asyncio())


def test_threads_io_and_signals_are_refused(timeline: Timeline, loop: ControllerLoop) -> None:
    """What the simulation has not got says so, instead of half working."""

    async def ask() -> None:
        with pytest.raises(NotImplementedError, match="no threads"):
            await asyncio.to_thread(print)
        with pytest.raises(NotImplementedError, match="call_soon"):
            loop.call_soon_threadsafe(print)
        with pytest.raises(NotImplementedError):
            await asyncio.open_connection("127.0.0.1", 1)
        with pytest.raises(NotImplementedError):
            loop.add_signal_handler(15, print)
        with pytest.raises(NotImplementedError, match="the timeline runs its loops"):
            loop.run_forever()

    run(timeline, loop, ask(), within_s=1)


def test_a_task_without_a_name_is_named_by_its_loop(timeline: Timeline, loop: ControllerLoop) -> None:
    """Not by a count over the whole process: two runs print the same."""

    async def name() -> str:
        task = asyncio.current_task()
        return task.get_name() if task else ""

    assert run(timeline, loop, name(), within_s=1) == "ctl1-1"
    assert run(timeline, loop, name(), within_s=1) == "ctl1-2"


def test_debugging_tells_where_a_task_was_made(timeline: Timeline, loop: ControllerLoop) -> None:
    """`set_debug` is asyncio's own."""
    assert not loop.get_debug()
    loop.set_debug(True)
    task = loop.create_task(asyncio.sleep(1))
    assert "created at" in repr(task)
    timeline.run_until(2)
