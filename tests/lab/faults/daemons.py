"""Faults of the daemon on one controller, and of how a unit that it manages stops."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from typing import TYPE_CHECKING

from lab.controllers import daemon
from lab.errors import LabError
from lab.faults import signals
from lab.faults.model import CONTROLLER, PAIRING, Fault, Parameter

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.cloud import Cloud
    from lab.controllers.machine import Machine
    from lab.faults.model import Arguments

_POLL_S = 0.05
_MORE_THAN_ANY_STOP_S = 300.0


def _processes(cloud: Cloud, arguments: Arguments) -> list[int]:
    machine = cloud.machines[arguments["controller"]]
    found = machine.processes(daemon.UNIT)
    if not found:
        raise LabError(f"{daemon.UNIT} does not run on {machine.controller.name}: nothing to do this to")
    return found


def _kill(cloud: Cloud, arguments: Arguments) -> None:
    for pid in _processes(cloud, arguments):
        os.kill(pid, signal.SIGKILL)


def _stop(cloud: Cloud, arguments: Arguments) -> Callable[[], None]:
    return signals.freeze(_processes(cloud, arguments))


def _crash_loop(cloud: Cloud, arguments: Arguments) -> Callable[[], None]:
    machine, ended = cloud.machines[arguments["controller"]], threading.Event()
    _kill(cloud, arguments)

    def go_on() -> None:
        while not ended.wait(_POLL_S):
            for pid in machine.processes(daemon.UNIT):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    loop = threading.Thread(target=go_on, daemon=True)
    loop.start()

    def end() -> None:
        ended.set()
        loop.join()

    return end


def _slow_stop(cloud: Cloud, arguments: Arguments) -> Callable[[], None]:
    """Let systemd run something that takes its time before it sends SIGTERM."""
    machine = cloud.machines[arguments["controller"]]
    unit, seconds = cloud.site.topology.pairing(arguments["pairing"]).unit, float(arguments["seconds"])
    file = machine.root / f"etc/systemd/system/{unit}.d/lab-slow-stop.conf"
    file.parent.mkdir(exist_ok=True)
    timeout_s = seconds + _MORE_THAN_ANY_STOP_S
    file.write_text(f"[Service]\nExecStop=/bin/sleep {seconds:g}\nTimeoutStopSec={timeout_s:g}\n")
    _reload(machine)

    def restore() -> None:
        file.unlink()
        with contextlib.suppress(OSError):  # somebody else's drop-ins are beside it
            file.parent.rmdir()
        _reload(machine)

    return restore


def _reload(machine: Machine) -> None:
    if machine.runs and not machine.is_frozen:  # else it reads its files when it boots
        machine.run("systemctl", "daemon-reload")


FAULTS = (
    Fault(
        "daemon-killed",
        "The daemon on {controller} dies (kill -9): systemd starts it again, no nova-compute is touched.",
        _kill,
        (CONTROLLER,),
        one_shot=True,
    ),
    Fault(
        "daemon-stopped",
        "The daemon on {controller} hangs (SIGSTOP): it renews nothing, the deadline kills what it held.",
        _stop,
        (CONTROLLER,),
    ),
    Fault(
        "daemon-crash-loop",
        "The daemon on {controller} dies whenever it starts: it renews nothing, the deadline comes.",
        _crash_loop,
        (CONTROLLER,),
    ),
    Fault(
        "unit-slow-stop",
        "On {controller} an ordered stop of {pairing} takes {seconds} s longer; a kill takes no longer.",
        _slow_stop,
        (CONTROLLER, PAIRING, Parameter("seconds", "number", "20")),
    ),
)
