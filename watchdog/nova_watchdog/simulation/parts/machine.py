"""A simulated controller: its clock, its timers, what is in /run, and whether it has power."""

from __future__ import annotations

import enum
import heapq
import itertools
from collections.abc import Callable
from typing import Any

from nova_watchdog.simulation.parts.clock import MachineClock
from nova_watchdog.simulation.timeline import Due, Timeline

# From power on until systemd runs.
_BOOTED_AFTER_S = 5.0

Then = Callable[[], None]


class MachineState(enum.Enum):
    """Whether anything on the machine runs."""

    RUNNING = "running"
    FROZEN = "frozen"  # no process runs, the clock does (a cgroup freezer, a host that swaps)
    STANDING_STILL = "standing-still"  # no process runs and the clock stands (a paused virtual machine)
    OFF = "off"


class Timer:
    """A callback that waits for its local time."""

    __slots__ = ("args", "callback", "is_cancelled")

    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.callback = callback
        self.args = args
        self.is_cancelled = False

    def cancel(self) -> None:
        """Never call it."""
        self.is_cancelled = True


class Machine:
    """One controller. Whatever runs on it is timed with `call_later`, and so freezes and dies with it.

    run: the contents of /run. `on_change` is told of each change between running, frozen and standing
    still; `on_off` of the loss of power, after which no process is left; `on_boot` of systemd's begin.
    `shutdown_steps` are taken in order by an ordered reboot: each calls its argument when it is done.
    """

    def __init__(self, name: str, timeline: Timeline, *, rate: float = 1.0, up_for_s: float = 1000.0) -> None:
        self.name = name
        self.timeline = timeline
        self.clock = MachineClock(name, timeline, rate=rate, up_for_s=up_for_s)
        self.run: dict[str, Any] = {}
        self.is_on = True
        self.is_frozen = False
        self.is_shutting_down = False
        self.on_change: list[Then] = []
        self.on_off: list[Then] = []
        self.on_boot: list[Then] = []
        self.shutdown_steps: list[Callable[[Then], None]] = []
        # Counts the losses of power, and each use of the switch.
        self._lives = self._power_cycles = 0
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._due: Due | None = None
        self._due_at_s = 0.0
        self._is_running_timers = False

    def describe(self) -> str:
        """Its name."""
        return self.name

    @property
    def stands_still(self) -> bool:
        """Whether it is paused, with its clock."""
        return self.is_on and self.clock.local.is_still

    @property
    def runs(self) -> bool:
        """Whether its processes make progress."""
        return self.is_on and not self.is_frozen and not self.clock.local.is_still

    @property
    def state(self) -> MachineState:
        """How it is, as one word."""
        if not self.is_on:
            return MachineState.OFF
        if self.stands_still:
            return MachineState.STANDING_STILL
        return MachineState.FROZEN if self.is_frozen else MachineState.RUNNING

    # --- time

    def call_later(self, delay_s: float, callback: Callable[..., object], *args: Any) -> Timer:
        """Call it after so much of the machine's own time."""
        return self.call_at(self.clock.now_s() + delay_s, callback, *args)

    def call_at(self, at_s: float, callback: Callable[..., object], *args: Any) -> Timer:
        """Call it at that local time; on a frozen machine when it goes on. The loss of power forgets it."""
        timer = Timer(callback, args)
        if self.is_on:
            heapq.heappush(self._timers, (at_s, next(self._order), timer))
            self._arm()
        return timer

    def soon(self, delay_s: float, callback: Callable[..., object], *args: Any) -> None:
        """Like `call_later`, and cheap: for what comes often, within so little time that no clock drifts."""
        self.timeline.call_later(delay_s, self._soon, self._lives, callback, args)

    def _soon(self, life: int, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        if life != self._lives:
            return
        if self.runs:
            callback(*args)
        else:
            self.call_later(0.0, callback, *args)

    def _arm(self) -> None:
        """Have one entry in the timeline, for the earliest timer."""
        if self._is_running_timers:
            return
        timers = self._timers
        while timers and timers[0][2].is_cancelled:
            heapq.heappop(timers)
        wanted = bool(timers) and self.runs
        if self._due is not None:
            if wanted and self._due_at_s == timers[0][0]:
                return
            self._due.cancel()
            self._due = None
        if wanted:
            self._due_at_s = timers[0][0]
            self._due = self.timeline.call_at(self.clock.local.true_s(self._due_at_s), self._run_due)

    def _run_due(self) -> None:
        self._due = None
        self._is_running_timers = True
        try:
            while self._timers and self.runs and self._timers[0][0] <= self.clock.now_s():
                timer = heapq.heappop(self._timers)[2]
                if not timer.is_cancelled:
                    timer.callback(*timer.args)
        finally:
            self._is_running_timers = False
        self._arm()

    # --- faults

    def freeze(self) -> None:
        """Nothing runs, the clock goes on. No change when it is frozen or off."""
        if self.is_on and not self.is_frozen:
            self.is_frozen = True
            self._changed()

    def thaw(self) -> None:
        """What became due meanwhile runs at once. No change when it is not frozen."""
        if self.is_frozen:
            self.is_frozen = False
            self._changed()

    def stand_still(self) -> None:
        """Nothing runs, and the clock stands. No change when it does, or is off."""
        if self.is_on and not self.stands_still:
            self.clock.local.stand_still()
            self._changed()

    def go_on(self) -> None:
        """Everything goes on as if no time had passed. No change when it does not stand still."""
        if self.stands_still:
            self.clock.local.go_on()
            self._changed()

    def _changed(self) -> None:
        for tell in self.on_change:
            tell()
        self._arm()

    def kill(self) -> None:
        """The power is gone: every process is dead in this instant."""
        self._power_cycles += 1
        if not self.is_on:
            return
        self._lives += 1
        self.is_on = self.is_frozen = self.is_shutting_down = False
        self._timers.clear()
        self._arm()
        self.run.clear()
        for tell in self.on_off:
            tell()

    def boot(self, after_s: float = 0.0) -> None:
        """Power on after that time, unless its power is switched again until then."""
        self._power_cycles += 1
        self.timeline.call_later(after_s + _BOOTED_AFTER_S, self._booted, self._power_cycles)

    def _booted(self, power_cycle: int) -> None:
        if self.is_on or power_cycle != self._power_cycles:
            return
        self.clock.begin_boot(up_for_s=_BOOTED_AFTER_S)
        self.is_on = True
        for tell in self.on_boot:
            tell()
        self._arm()

    def reboot(self, *, ordered: bool, off_for_s: float = 30.0) -> None:
        """`systemctl reboot`, which stops one thing after the other, or a reset. A frozen one waits."""
        if not ordered:
            self.kill()
            self.boot(off_for_s)
        elif self.is_on and not self.is_shutting_down:
            self.is_shutting_down = True
            self.call_later(0.0, self._shut_down, 0, off_for_s)

    def _shut_down(self, step: int, off_for_s: float) -> None:
        if step < len(self.shutdown_steps):
            self.shutdown_steps[step](lambda: self._shut_down(step + 1, off_for_s))
        else:
            self.reboot(ordered=False, off_for_s=off_for_s)
