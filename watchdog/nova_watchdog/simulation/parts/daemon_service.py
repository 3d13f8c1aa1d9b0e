"""The unit `nova-watchdog.service` on a simulated machine: it begins, ends, stalls and is restarted."""

from __future__ import annotations

from collections.abc import Callable

from nova_watchdog.simulation.loop import ControllerLoop
from nova_watchdog.simulation.parts.machine import Machine, Then, Timer

# As in systemd/nova-watchdog.service.
_RESTART_S = 1.0
_TIMEOUT_STOP_S = 10.0
# From systemd's begin until it starts this service.
_AFTER_BOOT_S = 3.0


class DaemonService:
    """Runs one daemon at a time, and a new one whenever that ended by itself (`Restart=always`).

    begin: makes a loop on `machine.clock.local`, starts the daemon's tasks on it and returns it.
    terminate: what SIGTERM does; the daemon calls `ended` when it is through. None: it ends at once.
    Make it after the machine's systemd: at an ordered reboot the units are stopped first.
    """

    def __init__(
        self, machine: Machine, begin: Callable[[], ControllerLoop], terminate: Then | None = None
    ) -> None:
        self._machine = machine
        self._begin = begin
        self._terminate = terminate
        self._is_stalled = False
        self._is_frozen = False
        self._timer: Timer | None = None
        self._then: Then | None = None
        self.loop: ControllerLoop | None = None
        machine.on_off.append(self._power_off)
        machine.on_boot.append(self._booted)
        machine.on_change.append(self._judge_freeze)
        machine.shutdown_steps.append(self._stop_then)

    @property
    def runs(self) -> bool:
        """Whether there is a daemon, stalled or not."""
        return self.loop is not None

    def start(self) -> None:
        """`systemctl start`: no change when it runs, or the machine cannot."""
        self._forget_timer()
        if self.loop is None and self._machine.is_on and not self._machine.is_shutting_down:
            self.loop = self._begin()
            self._judge_freeze()

    def crash(self, restart_after_s: float = _RESTART_S) -> None:
        """`kill -9`, or an error that nobody foresaw: systemd starts another one."""
        if self.loop is None:
            return
        then, self._then = self._then, None
        self._drop()
        if then is not None:
            then()
        else:
            self._timer = self._machine.call_later(restart_after_s, self.start)

    def stop(self, then: Then | None = None) -> None:
        """`systemctl stop`: SIGTERM, and SIGKILL for one that takes too long. It stays down until `start`."""
        self._forget_timer()
        if self.loop is None:
            if then:
                then()
            return
        self._then = then or (lambda: None)
        if self._terminate is None:
            self.ended()
            return
        self._timer = self._machine.call_later(_TIMEOUT_STOP_S, self.ended)
        self._terminate()

    def restart(self) -> None:
        """`systemctl restart`, as at an upgrade."""
        self.stop(self.start)

    def ended(self) -> None:
        """The daemon returned: as it was told to, or by itself."""
        self.crash()

    def stall(self) -> None:
        """It makes no progress, its machine does."""
        self._is_stalled = True
        self._judge_freeze()

    def unstall(self) -> None:
        """It goes on."""
        self._is_stalled = False
        self._judge_freeze()

    def _judge_freeze(self) -> None:
        """A paused machine's clock halts the loop by itself."""
        if self.loop is None:
            return
        wanted = self._is_stalled or self._machine.is_frozen
        if wanted != self._is_frozen:
            self._is_frozen = wanted
            if wanted:
                self.loop.freeze()
            else:
                self.loop.thaw()

    def _drop(self) -> None:
        self._forget_timer()
        loop, self.loop = self.loop, None
        self._is_frozen = self._is_stalled = False
        if loop is not None:
            loop.kill()

    def _forget_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _power_off(self) -> None:
        self._then = None
        self._drop()

    def _booted(self) -> None:
        self._timer = self._machine.call_later(_AFTER_BOOT_S, self.start)

    def _stop_then(self, then: Then) -> None:
        self.stop(then)
