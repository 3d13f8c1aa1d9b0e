"""Faults of the nova-compute process itself."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

from lab.errors import LabError
from lab.faults import signals
from lab.faults.model import PAIRING, Fault, Parameter

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.cloud import Cloud
    from lab.faults.model import Arguments


_RUN_S = 1.0


def _processes(cloud: Cloud, arguments: Arguments) -> list[int]:
    unit = cloud.site.topology.pairing(arguments["pairing"]).unit
    found = [pid for machine in cloud.machines.values() for pid in machine.processes(unit)]
    if not found:
        raise LabError(f"{unit} runs on no controller: nothing to do this to")
    return found


def _kill(cloud: Cloud, arguments: Arguments) -> None:
    for pid in _processes(cloud, arguments):
        os.kill(pid, signal.SIGKILL)


def _stop(cloud: Cloud, arguments: Arguments) -> Callable[[], None]:
    return signals.freeze(_processes(cloud, arguments))


def _slow(cloud: Cloud, arguments: Arguments) -> Callable[[], None]:
    """Let it run for one second, then stand for some, again and again, as cpulimit(1) does."""
    pause_s = float(arguments["pause"])
    descriptors = signals.open_all(_processes(cloud, arguments))
    ended = threading.Event()

    def take_turns() -> None:
        while not ended.is_set():
            signals.send(descriptors, signal.SIGSTOP)
            ended.wait(pause_s)
            signals.send(descriptors, signal.SIGCONT)
            ended.wait(_RUN_S)

    turns = threading.Thread(target=take_turns, daemon=True)

    def release() -> None:
        ended.set()
        turns.join()
        signals.close(descriptors)

    turns.start()
    return release


FAULTS = (
    Fault(
        "kill",
        "nova-compute of {pairing} dies (kill -9): the daemon sees it within 100 ms and starts it again.",
        _kill,
        (PAIRING,),
        one_shot=True,
    ),
    Fault(
        "stop-process",
        "nova-compute of {pairing} hangs (SIGSTOP): its heartbeats end, Nova calls it down after a minute.",
        _stop,
        (PAIRING,),
    ),
    Fault(
        "slow-compute",
        "nova-compute of {pairing} stands for {pause} s after each second: it reports, and answers late.",
        _slow,
        (PAIRING, Parameter("pause", "number", "9")),
    ),
)
