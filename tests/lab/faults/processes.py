"""Faults of the nova-compute process itself."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING

from lab.errors import LabError
from lab.faults.model import PAIRING, Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.cloud import Cloud
    from lab.faults.model import Arguments


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
    descriptors = [os.pidfd_open(pid) for pid in _processes(cloud, arguments)]

    def resume() -> None:
        for descriptor in descriptors:
            with contextlib.suppress(ProcessLookupError):  # somebody killed it meanwhile
                signal.pidfd_send_signal(descriptor, signal.SIGCONT)
            os.close(descriptor)

    for descriptor in descriptors:
        signal.pidfd_send_signal(descriptor, signal.SIGSTOP)
    return resume


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
)
