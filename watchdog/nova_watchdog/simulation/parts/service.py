"""One unit of a simulated systemd: its job, its process, and how the one ends the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from nova_watchdog.core.model import ActiveState, LoadState, StopCause, UnitState
from nova_watchdog.simulation.parts.machine import Machine, Timer
from nova_watchdog.simulation.parts.unit_states import NEVER_STARTED, ended, inferred, running

# TimeoutStopSec= of the managed unit.
_TIMEOUT_STOP_S = 180.0


@dataclass
class Pace:
    """How long systemd and the processes take.

    start_s: from a start's request to its condition. exec_s: from there to the process.
    kill_s: from SIGKILL to the last process's end.
    """

    start_s: float = 0.02
    exec_s: float = 0.005
    kill_s: float = 0.04


class Host(Protocol):
    """What a unit needs of the systemd it belongs to."""

    machine: Machine
    pace: Pace

    def next_pid(self) -> int:
        """A process number."""
        ...

    def next_invocation(self) -> str:
        """An invocation id."""
        ...

    def refusal(self, service: Service) -> str:
        """Why its ExecCondition says no now; empty: it does not."""
        ...

    def stop_takes_s(self, unit: str) -> float:
        """How long its process takes after SIGTERM."""
        ...

    def changed(self, service: Service) -> None:
        """Hear of any change of it."""
        ...

    def process_began(self, service: Service) -> None:
        """Hear of its process."""
        ...

    def process_ended(self, service: Service) -> None:
        """Hear that its process is gone."""
        ...


class Service:
    """One unit. `pairing`: whose token its ExecCondition asks for; empty: it has no condition."""

    def __init__(self, unit: str, pairing: str, host: Host) -> None:
        self.unit = unit
        self.pairing = pairing
        self.state: UnitState = NEVER_STARTED
        self.wakes: list[Callable[[], None]] = []
        self._host = host
        self._told_to_end = self._stop_is_own = self._stop_timed_out = False
        # Why it was dead before a start was queued.
        self._cause_before = StopCause.NEVER_RAN
        self._timers: list[Timer] = []
        self._kill: Timer | None = None

    # --- starting

    def start(self, *, queued_for_s: float = 0.0) -> None:
        """Queue a start. It waits for a stop that is under way, and does nothing where it runs."""
        state = self.state
        if state.load is not LoadState.LOADED or state.job == "start":
            return
        if state.job is not None:
            self._change(job="start")  # takes the place of the stop, whose process ends all the same
        elif state.is_down:
            self._cause_before = state.stop_cause
            self._change(job="start", stop_cause=StopCause.RUNNING)
            self._later(self._host.pace.start_s + queued_for_s, self._check_condition)

    def restart(self) -> None:
        """Stop it, then start it."""
        if self.state.has_process:
            self.stop(own=False)
            self._change(job="restart")
        else:
            self.start()

    def _check_condition(self) -> None:
        """The job runs: ExecCondition= decides. A refusal is no failure, but a run of its own."""
        refusal = self._host.refusal(self)
        if refusal:
            now_s = self._host.machine.clock.now_s()
            self.state = replace(self.state, invocation_id=self._host.next_invocation())
            result = "exec-condition"
            self._end(
                ended(
                    self.state, now_s, ActiveState.INACTIVE, result, f"result={result}", StopCause.BY_ITSELF
                )
            )
            return
        self._change(active=ActiveState.ACTIVATING, sub="condition")
        self._later(self._host.pace.exec_s, self._exec)

    def _exec(self) -> None:
        self._told_to_end = self._stop_timed_out = False
        now_s = self._host.machine.clock.now_s()
        self.state = running(self.state, now_s, self._host.next_pid(), self._host.next_invocation())
        self._host.process_began(self)
        self._host.changed(self)

    # --- ending

    def stop(self, *, own: bool) -> None:
        """Queue a stop: it cancels a queued start, and gives the process its full grace."""
        state = self.state
        if not state.has_process:
            self._stop_without_process(own=own)
        elif state.active is ActiveState.DEACTIVATING:
            self._change(job="stop")  # joins the stop that is under way
        else:
            self._told_to_end, self._stop_is_own = True, own
            self._change(active=ActiveState.DEACTIVATING, sub="stop-sigterm", job="stop")
            self._later(_TIMEOUT_STOP_S, self._lose_patience)
            self._later(self._host.stop_takes_s(self.unit), self.exit, 0)

    def _stop_without_process(self, *, own: bool) -> None:
        """A foreign stop of what is dead is a wish too: the adapter's memory of its jobs says so."""
        self._forget_timers()
        active, cause = self.state.active, self.state.stop_cause
        if self.state.job is not None:
            cause = self._cause_before
        if active is ActiveState.ACTIVATING:
            active, cause = ActiveState.INACTIVE, StopCause.OWN_JOB
        if not own:
            cause = StopCause.FOREIGN_JOB
        sub = "failed" if active is ActiveState.FAILED else "dead"
        self._change(active=active, sub=sub, job=None, stop_cause=cause)

    def _lose_patience(self) -> None:
        self._stop_timed_out = True
        self.kill()

    def kill(self, takes_s: float | None = None) -> None:
        """SIGKILL to every process. A start that is only queued goes on."""
        if self.state.has_process and self._kill is None:
            self._kill = self._later(self._host.pace.kill_s if takes_s is None else takes_s, self._die)

    def exit(self, code: int) -> None:
        """The process exits."""
        if not self.state.has_process:
            return
        if code == 0:
            self._gone(ActiveState.INACTIVE, "success", "exit-code=0")
        else:
            self._gone(ActiveState.FAILED, "exit-code", f"exit-code={code}")

    def _die(self) -> None:
        if self._stop_timed_out:
            self._gone(ActiveState.FAILED, "timeout", "result=timeout signal=KILL")
        else:
            self._gone(ActiveState.FAILED, "signal", "signal=KILL")

    def die_at_once(self) -> None:
        """`kill -9` that takes no time."""
        if self.state.has_process:
            self._die()

    def _gone(self, active: ActiveState, result: str, detail: str) -> None:
        was_stopping = self.state.active is ActiveState.DEACTIVATING
        next_job = self.state.job if self.state.job in ("start", "restart") else None
        cause = StopCause.BY_ITSELF
        if was_stopping:
            cause = StopCause.OWN_JOB if self._stop_is_own else StopCause.FOREIGN_JOB
        now_s = self._host.machine.clock.now_s()
        self._end(ended(self.state, now_s, active, result, detail, cause), process=True)
        if next_job:
            self.start()

    def _end(self, state: UnitState, *, process: bool = False) -> None:
        self._forget_timers()
        if process:
            self._host.process_ended(self)
        self.state = state
        self._host.changed(self)

    # --- around it

    def power_off(self) -> None:
        """Nothing is left of it, nor of what systemd knew."""
        self._forget_timers()
        if self.state.has_process:
            self._host.process_ended(self)
        self.state = replace(NEVER_STARTED, load=self.state.load)
        self.wakes.clear()

    def set_load(self, load: LoadState) -> None:
        """Mask it, break its file, or remove it (`systemctl daemon-reload` included)."""
        self._change(load=load)

    def forget_who_ended_it(self) -> None:
        """Another daemon asks, which saw nothing of it."""
        self.wakes.clear()
        self._stop_is_own = False
        if self.state.is_down:
            cause = inferred(self.state, told_to_end=self._told_to_end)
            self.state = replace(self.state, stop_cause=cause)

    def _later(self, delay_s: float, callback: Callable[..., object], *args: object) -> Timer:
        timer = self._host.machine.call_later(delay_s, callback, *args)
        self._timers.append(timer)
        return timer

    def _forget_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._kill = None

    def _change(self, **changes: object) -> None:
        self.state = replace(self.state, **changes)  # type: ignore[arg-type]
        self._host.changed(self)
