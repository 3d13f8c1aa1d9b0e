"""The event loop of one simulated daemon: asyncio on the timeline, without IO and without threads.

asyncio's own tasks, futures, timeouts, groups and queues run on it unchanged. A loop takes a *turn* when
something of it is ready and runs until nothing is; a turn is one entry in the timeline, and no loop runs
inside another one. What asks for IO, a thread or a signal gets NotImplementedError.

Whether a loop runs has two causes against it, which may come and go in any order: it is frozen (its process
is stopped, the clock runs on), and its clock stands still (the machine is paused). Neither can be had twice.
"""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import math
import sys
import weakref
from asyncio.events import _get_running_loop, _set_running_loop
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, TypeVarTuple

from nova_watchdog.simulation.handles import Callback, LoopTask, where
from nova_watchdog.simulation.timeline import (
    MAX_AT_ONCE,
    NAMED_IN_LIVELOCK,
    Deadlock,
    Due,
    Livelock,
    LocalClock,
    Timeline,
    livelock_text,
    name_of,
)

if TYPE_CHECKING:
    # To a type checker all that AbstractEventLoop refuses at run time is abstract, and no class may lack it.
    from asyncio import SelectorEventLoop as _RefusingLoop
else:
    from asyncio import AbstractEventLoop as _RefusingLoop

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

# So often a task is cancelled when its daemon is killed: one that still runs then never ends.
_CANCELS_AT_KILL = 100
# So many ready callbacks are named when a loop is described.
_READY_NAMED = 3


class ControllerLoop(_RefusingLoop):
    """Runs the tasks of one daemon.

    `clock` is its controller's: several loops may share it (the daemon after this one does), and they all
    stand still with it. A daemon that is killed unwinds at that instant, which Python needs and a killed
    process does not do: from then on `is_dead`, and the world's ports must do nothing for it any more.
    """

    def __init__(self, timeline: Timeline, name: str, clock: LocalClock | None = None) -> None:
        self.name = name
        self.clock = clock or LocalClock(timeline)
        self.is_dead = False
        # Dead, and everything of it has ended.
        self.is_over = False
        self._timeline = timeline
        self._ready: deque[Callback] = deque()
        self._turn_entry = Due(self._turn, ())
        self._closer = self._close_generator
        # True while a turn is in the timeline or running, and while none may be: then nobody asks for one.
        self._has_turn = False
        self._is_frozen = False
        self._is_halted = False
        self._is_debug = False
        # Timers that came due, or were set, while the clock stood still.
        self._parked: list[Callback] = []
        # Tasks are held here: asyncio alone would let the garbage collector decide when a lost one goes.
        self._numbers = itertools.count(1)
        self._tasks: dict[int, LoopTask[Any]] = {}
        self._failed: list[weakref.ref[LoopTask[Any]]] = []
        self.clock.listeners.append(self._clock_changed)
        self._judge_halt()

    def describe(self) -> str:
        """Its name and what is ready on it."""
        ready = ", ".join(one.describe() for one in itertools.islice(self._ready, _READY_NAMED))
        more = len(self._ready) - _READY_NAMED
        return f"{self.name} ({ready or 'nothing ready'}{f' and {more} more' if more > 0 else ''})"

    def __repr__(self) -> str:
        return f"<ControllerLoop {self.name}>"

    # What asyncio asks of a loop.

    def time(self) -> float:
        """What the controller's clock shows."""
        return self.clock.now_s()

    def call_soon(
        self,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        """Call it at this instant, after all that is ready already."""
        handle = Callback(self, 0.0, callback, args, context)
        self._ready.append(handle)
        if not self._has_turn:
            self._ask_for_turn()
        return handle

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call it after so many seconds by this controller's clock."""
        return self.call_at(self.clock.now_s() + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call it when this controller's clock shows that time; never, if it is `inf`."""
        if math.isnan(when):
            raise ValueError(f"{name_of(callback)} cannot be due at {when!r}: allowed is a number or inf")
        timer = Callback(self, when, callback, args, context)
        if not self.is_dead:
            self._arm(timer)
        return timer

    def create_future(self) -> asyncio.Future[Any]:
        """A future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(
        self,
        coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
        *,
        name: object = None,
        context: contextvars.Context | None = None,
    ) -> asyncio.Task[T]:
        """A task of this loop. Without a name it gets the loop's and a number."""
        if self.is_over:
            coro.close()
            raise RuntimeError(f"{self.name} is dead: it runs no tasks any more")
        number = next(self._numbers)
        task = LoopTask(number, coro, self, f"{self.name}-{number}" if name is None else str(name), context)
        self._tasks[number] = task
        task.add_done_callback(self._forget)
        return task

    def get_debug(self) -> bool:
        """What `set_debug` said."""
        return self._is_debug

    def set_debug(self, enabled: bool) -> None:  # noqa: FBT001 - asyncio's signature
        """Have asyncio remember where futures and tasks were made."""
        self._is_debug = enabled

    def is_running(self) -> bool:
        """True inside one of its callbacks."""
        return _get_running_loop() is self

    def is_closed(self) -> bool:
        """True once it is dead and everything of it ended."""
        return self.is_over

    def close(self) -> None:
        """End it as `kill` does, and raise the errors that nobody asked for: for the end of a test."""
        for task in filter(None, (one() for one in self._failed)):
            if not self.is_dead and task.has_untold_error() and (error := task.exception()):
                self._report(error, f"nobody asked how {task.get_name()} ended")
        self.kill()
        self._timeline.raise_errors()

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Have the error come out of the timeline; not that of a dead daemon, it comes from its unwinding."""
        if not self.is_dead:
            self._report(context.get("exception") or RuntimeError(context["message"]), context["message"])

    def call_soon_threadsafe(self, *_: Any, **__: Any) -> NoReturn:  # type: ignore[override]
        """There are no threads."""
        raise NotImplementedError("a simulated daemon has no threads: call_soon() is enough")

    def run_in_executor(self, *_: Any, **__: Any) -> NoReturn:  # type: ignore[override]
        """There are no threads."""
        raise NotImplementedError("a simulated daemon has no threads: the port that needs one is to be faked")

    def run_until_complete(self, *_: Any, **__: Any) -> NoReturn:
        """The timeline runs the loops."""
        raise NotImplementedError(
            "the timeline runs its loops: use run() of this module or Timeline.run_until()"
        )

    def run_forever(self) -> NoReturn:
        """The timeline runs the loops."""
        self.run_until_complete()

    # What befalls a daemon.

    def freeze(self) -> None:
        """Nothing of it runs; what comes due waits. Its clock runs on. Nothing to do for a dead one."""
        if self.is_dead:
            return
        if self._is_frozen:
            raise RuntimeError(f"{self.name} is frozen already: thaw() comes first")
        self._is_frozen = True
        self._judge_halt()

    def thaw(self) -> None:
        """What came due runs at once, in the order in which it came due. Nothing to do for a dead one."""
        if self.is_dead:
            return
        if not self._is_frozen:
            raise RuntimeError(f"{self.name} is not frozen: freeze() comes first")
        self._is_frozen = False
        self._judge_halt()

    def stand_still(self) -> None:
        """Stop the controller's clock and all that runs by it, as the pause of a virtual machine does."""
        self.clock.stand_still()

    def go_on(self) -> None:
        """End `stand_still`: the clock goes on from what it shows, and timers wait as long as they had to."""
        self.clock.go_on()

    def kill(self) -> None:
        """End the daemon at this instant, whatever befell it before.

        What is ready runs a last time and its tasks are cancelled until they are gone, then nothing of it
        ever runs again. That happens right now; from inside a callback of a loop, its own or another one, as
        soon as that loop gives way.
        """
        if self.is_dead:
            return
        self.is_dead = True
        self._judge_halt()
        if _get_running_loop() is None:
            self._end()
        else:
            self._timeline.call_later(0.0, self._end)

    # How it runs.

    def timer_due(self, timer: Callback) -> None:
        """For the timeline: a timer's moment came, unless the clock stood still meanwhile."""
        if self.clock.now_s() < timer.when():
            self._arm(timer)
            return
        self._ready.append(timer)
        if not self._has_turn:
            self._turn()

    def _arm(self, timer: Callback) -> None:
        true_s = self.clock.true_s(timer.when())
        if true_s < math.inf:
            self._timeline.push(true_s, timer)
        elif self.clock.is_still:
            self._parked.append(timer)

    def _ask_for_turn(self) -> None:
        self._has_turn = True
        self._timeline.push(self._timeline.now_s, self._turn_entry)

    def _turn(self) -> None:
        """Run what is ready and what gets ready by it."""
        if self._is_halted:
            return
        self._has_turn = True
        try:
            self._drain()
        finally:
            if self._ready or self._is_halted:
                self._judge_halt()
            else:
                self._has_turn = False

    def _judge_halt(self) -> None:
        """Tell whether it may run, and ask for a turn if it may and has something to run."""
        self._is_halted = self._is_frozen or self.clock.is_still or self.is_dead
        self._has_turn = self._is_halted
        if self._ready and not self._is_halted:
            self._ask_for_turn()

    def _drain(self) -> None:
        running = _get_running_loop()
        if running is not None:
            raise RuntimeError(
                f"{self.name} cannot run inside {running!r}: run the timeline from plain functions"
            )
        ready = self._ready
        sys.set_asyncgen_hooks(None, self._closer)
        _set_running_loop(self)
        try:
            for _ in itertools.repeat(None, MAX_AT_ONCE):
                if not ready or self._is_halted:
                    return
                handle = ready.popleft()
                try:
                    handle.call()
                except (SystemExit, KeyboardInterrupt):
                    raise
                except BaseException as error:  # noqa: BLE001 - whatever it is, it comes out of the timeline
                    self.call_exception_handler(
                        {"message": f"a callback failed: {handle.describe()}", "exception": error}
                    )
            last = [one.describe() for one in itertools.islice(ready, NAMED_IN_LIVELOCK)]
        finally:
            _set_running_loop(None)
            sys.set_asyncgen_hooks(None, None)
        raise Livelock(livelock_text(self._timeline.now_s, last))

    def _report(self, error: BaseException, what: str) -> None:
        error.add_note(
            f"{self.name} at {self._timeline.now_s!r} s, its own clock at {self.time()!r} s: {what}"
        )
        self._timeline.fail(error)

    def _forget(self, task: LoopTask[Any]) -> None:
        """A task ended. One that failed is looked at again by `close`, if it is still there."""
        del self._tasks[task.number]
        if task.has_untold_error():
            self._failed = [one for one in self._failed if one() is not None]
            self._failed.append(weakref.ref(task))

    def _close_generator(self, generator: AsyncGenerator[Any, Any]) -> None:
        """An asynchronous generator was dropped in the middle: its `finally` may have to wait."""
        if not self.is_over:
            self.create_task(generator.aclose())

    def _clock_changed(self) -> None:
        self._judge_halt()
        if not self.clock.is_still:
            parked, self._parked = self._parked, []
            for timer in parked:
                self._arm(timer)

    def _end(self) -> None:
        """Cancel every task, as often as it takes, and run what follows from it."""
        self._is_halted = False
        try:
            for _ in range(_CANCELS_AT_KILL):
                for task in tuple(self._tasks.values()):
                    task.cancel()
                self._drain()
                if not self._tasks:
                    break
        finally:
            self._is_halted = self.is_over = True
            self._turn_entry.cancel()
            self.clock.listeners.remove(self._clock_changed)
            # From now on what is called soon is forgotten.
            self._ready = deque(maxlen=0)
            self._parked = []
            stubborn, self._tasks = self._tasks, {}
        if stubborn:
            names = ", ".join(where(task) for task in stubborn.values())
            raise RuntimeError(
                f"{self.name} was killed, and {_CANCELS_AT_KILL} cancellations did not end: {names}"
            )


def run(timeline: Timeline, loop: ControllerLoop, coroutine: Coroutine[Any, Any, T], within_s: float) -> T:
    """Run the timeline until the coroutine is done on that loop, and return its result or raise its error.

    Raises Deadlock if nothing is due that could ever end it, TimeoutError if it is not done within that much
    true time; the coroutine is then cancelled. asyncio.CancelledError means that the daemon was killed.
    """
    until_s = timeline.now_s + within_s
    task = loop.create_task(coroutine)
    while not task.done():
        next_s = timeline.next_s()
        if next_s is None or next_s > until_s:
            error = (
                Deadlock(f"{where(task)} waits at {timeline.now_s!r} s, and nothing is due any more")
                if next_s is None
                else TimeoutError(f"{where(task)} was not done within {within_s:g} s")
            )
            timeline.run_until(timeline.now_s if next_s is None else until_s)
            task.cancel()
            timeline.run_until(timeline.now_s)
            raise error
        timeline.step()
    return task.result()
