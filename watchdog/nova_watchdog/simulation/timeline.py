"""True time of the simulated world, and the clocks that measure it.

Nothing waits here: time jumps from one due callback to the next. What is due at the same instant runs in
the order in which it was asked for, so the same program always gives the same run.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol

# So many callbacks may be due at one and the same instant; more of them would never let time go on.
MAX_AT_ONCE = 100_000
# So many of the last callbacks a livelock names.
NAMED_IN_LIVELOCK = 8
# Cancelled entries stay in the heap until they are due, or until it grew to twice what was left of it.
_SWEEP_FROM = 1024
# A clock that is further off than this is a mistake in the numbers, not a clock that drifts.
_SLOWEST_RATE, _FASTEST_RATE = 0.5, 2.0


class Livelock(Exception):  # noqa: N818 - the name of the thing itself
    """Callbacks follow one another at one instant, and time does not go on."""


class Deadlock(Exception):  # noqa: N818 - the name of the thing itself
    """Somebody waits, and nothing is due that could end it."""


class Entry(Protocol):
    """What the timeline holds: a callback of the world, or the timer of a loop."""

    def cancelled(self) -> bool:
        """True if it is to be passed over."""
        ...

    def fire(self) -> None:
        """Its moment has come."""
        ...

    def describe(self) -> str:
        """What it is, for a person. No addresses: two runs say the same."""
        ...


class Due:
    """A callback of the world, to be called once."""

    __slots__ = ("_args", "_callback", "_is_cancelled")

    def __init__(self, callback: Callable[..., object], args: tuple[object, ...]) -> None:
        self._callback = callback
        self._args = args
        self._is_cancelled = False

    def cancel(self) -> None:
        """Never call it. Cancelling what ran already does nothing."""
        self._is_cancelled = True

    def cancelled(self) -> bool:
        """True after `cancel`."""
        return self._is_cancelled

    def fire(self) -> None:
        """Call it."""
        self._callback(*self._args)

    def describe(self) -> str:
        """Name the function, and whose method it is."""
        return name_of(self._callback)


def name_of(callback: object) -> str:
    """The callable's qualified name, without an address, and what its object says of itself, if it does."""
    describe = getattr(getattr(callback, "__self__", None), "describe", None)
    name = getattr(callback, "__qualname__", type(callback).__name__)
    return f"{name} of {describe()}" if callable(describe) else str(name)


class Timeline:
    """True time in seconds from 0, and what is due.

    `now_s` is read by everybody and written here alone. `on_step` is called after each callback: there the
    invariants are checked. What it raises, and what a callback raises, comes out of `step` and `run_until`.
    """

    __slots__ = (
        "_at_once",
        "_errors",
        "_heap",
        "_is_running",
        "_last_names",
        "_order",
        "_soon",
        "_sweep_at",
        "now_s",
        "on_step",
    )

    def __init__(self, on_step: Callable[[], None] | None = None) -> None:
        self.now_s = 0.0
        self.on_step = on_step
        self._heap: list[tuple[float, int, Entry]] = []
        # What is due now and was asked for now comes after all that the heap has for this instant.
        self._soon: deque[Entry] = deque()
        self._order = itertools.count()
        self._sweep_at = _SWEEP_FROM
        self._at_once = 0
        self._last_names: deque[str] = deque(maxlen=NAMED_IN_LIVELOCK)
        self._errors: list[BaseException] = []
        self._is_running = False

    def call_at(self, when_s: float, callback: Callable[..., object], *args: object) -> Due:
        """Call it at that true time. The present is allowed, the past is not."""
        due = Due(callback, args)
        self.push(when_s, due)
        return due

    def call_later(self, delay_s: float, callback: Callable[..., object], *args: object) -> Due:
        """Call it after that much true time; 0: at this instant, after what is due at it already."""
        return self.call_at(self.now_s + delay_s, callback, *args)

    def push(self, when_s: float, entry: Entry) -> None:
        """Put an entry of any kind where it is due."""
        if when_s == self.now_s:
            self._soon.append(entry)
            return
        if not self.now_s < when_s < math.inf:
            raise ValueError(
                f"{entry.describe()} cannot be due at {when_s!r} s: allowed is from now, {self.now_s!r} s, on"
            )
        heapq.heappush(self._heap, (when_s, next(self._order), entry))
        if len(self._heap) > self._sweep_at:
            self._sweep()

    def next_s(self) -> float | None:
        """When the next callback is due; None: never again."""
        while self._soon and self._soon[0].cancelled():
            self._soon.popleft()
        if self._soon:
            return self.now_s
        while self._heap and self._heap[0][2].cancelled():
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def step(self) -> bool:
        """Run the next callback; False if there is none."""
        return self._run(math.inf, at_most=1) == 1

    def run_until(self, until_s: float) -> None:
        """Run all that is due until then, in order; it is then `until_s`."""
        if not self.now_s <= until_s < math.inf:
            raise ValueError(f"cannot run until {until_s!r} s: allowed is from now, {self.now_s!r} s, on")
        self._run(until_s)
        self._go_to(until_s)

    def fail(self, error: BaseException) -> None:
        """Have this raised after the running callback, or by the next one that runs."""
        self._errors.append(error)

    def raise_errors(self) -> None:
        """Raise what `fail` was told, if anything; several as a group."""
        errors, self._errors = self._errors, []
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise BaseExceptionGroup(f"{len(errors)} errors at {self.now_s!r} s", errors)

    def _run(self, until_s: float, at_most: float = math.inf) -> int:
        """Run what is due until then, and tell how much that was."""
        if self._is_running:
            raise RuntimeError("the timeline is run from inside one of its own callbacks: let that end first")
        self._is_running = True
        count = 0
        try:
            while count < at_most and (entry := self._take(until_s)) is not None:
                count += 1
                self._at_once += 1
                if self._at_once > MAX_AT_ONCE - NAMED_IN_LIVELOCK:
                    self._note(entry)
                entry.fire()
                if self._errors:
                    self.raise_errors()
                if self.on_step is not None:
                    self.on_step()
        finally:
            self._is_running = False
        return count

    def _take(self, until_s: float) -> Entry | None:
        """The next entry due by then, and the time where it is due."""
        heap, soon = self._heap, self._soon
        while True:
            if heap and heap[0][0] <= self.now_s:
                entry = heapq.heappop(heap)[2]
            elif soon:
                entry = soon.popleft()
            elif heap and heap[0][0] <= until_s:
                when_s, _, entry = heapq.heappop(heap)
                if not entry.cancelled():
                    self._go_to(when_s)
                    return entry
                continue
            else:
                return None
            if not entry.cancelled():
                return entry

    def _go_to(self, when_s: float) -> None:
        self.now_s = when_s
        self._at_once = 0

    def _note(self, entry: Entry) -> None:
        """Time has not gone on for long: remember the last ones, and then give up."""
        self._last_names.append(entry.describe())
        if self._at_once > MAX_AT_ONCE:
            raise Livelock(livelock_text(self.now_s, self._last_names))

    def _sweep(self) -> None:
        """Drop the cancelled entries. The order is total, so a heap built anew pops the same."""
        self._heap = [one for one in self._heap if not one[2].cancelled()]
        heapq.heapify(self._heap)
        self._sweep_at = max(_SWEEP_FROM, 2 * len(self._heap))


def livelock_text(now_s: float, last: Iterable[str]) -> str:
    """What a livelock says."""
    return f"more than {MAX_AT_ONCE} callbacks at {now_s!r} s; the last ones: {', '.join(last)}"


class LocalClock:
    """The monotonic clock of one controller: `offset_s + rate * true time`, less the time it stood still.

    A controller has one of these. It outlives the daemons that run there, and may have listeners: they are
    called when it stands still and when it goes on.
    """

    __slots__ = ("_local_s", "_rate", "_speed", "_timeline", "_true_s", "is_still", "listeners")

    def __init__(self, timeline: Timeline, *, offset_s: float = 0.0, rate: float = 1.0) -> None:
        if not _SLOWEST_RATE <= rate <= _FASTEST_RATE:
            allowed = f"allowed is {_SLOWEST_RATE:g} to {_FASTEST_RATE:g}, 1 is true time"
            raise ValueError(f"a clock cannot run at the rate {rate!r}: {allowed}")
        self._timeline = timeline
        self._rate = rate
        # Since `_true_s`, when it showed `_local_s`, it runs at `_speed`.
        self._true_s = 0.0
        self._local_s = offset_s
        self._speed = rate
        self.is_still = False
        self.listeners: list[Callable[[], None]] = []

    def now_s(self) -> float:
        """What the clock shows."""
        return self._local_s + self._speed * (self._timeline.now_s - self._true_s)

    def true_s(self, local_s: float) -> float:
        """The first true time at which the clock will show that much: now at the earliest, `inf` if never.

        `now_s()` is then not less than `local_s` by a rounding error, either: whoever sleeps "until due" and
        looks at the clock must not find itself too early, sleep for nothing, and look again for ever.
        """
        if self.is_still or local_s == math.inf:
            return math.inf
        true_s = max(self._true_s + (local_s - self._local_s) / self._speed, self._timeline.now_s)
        while self._local_s + self._speed * (true_s - self._true_s) < local_s:
            true_s += max(math.ulp(local_s), math.ulp(true_s))
        return true_s

    def stand_still(self) -> None:
        """Show the same time until `go_on`."""
        if self.is_still:
            raise RuntimeError("the clock stands still already: go_on() comes first")
        self._turn(0.0)

    def go_on(self) -> None:
        """Go on from the time that it shows."""
        if not self.is_still:
            raise RuntimeError("the clock does not stand still: stand_still() comes first")
        self._turn(self._rate)

    def _turn(self, speed: float) -> None:
        self._local_s, self._true_s, self._speed = self.now_s(), self._timeline.now_s, speed
        self.is_still = speed == 0.0
        for tell in tuple(self.listeners):
            tell()
