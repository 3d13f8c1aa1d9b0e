"""What the daemon costs: memory, threads and processor time."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lab import cgroups
from lab.controllers import daemon

if TYPE_CHECKING:
    from lab.records import Recorder
    from lab.site import Site

_INTERVAL_S = 1.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def watch_daemon(site: Site, recorder: Recorder) -> None:
    """Record `daemon` for each controller once a second, while it runs."""
    while site.topology.daemon:
        for controller in site.topology.controller_list:
            group = cgroups.unit_group(site.paths.state.name, controller.name, daemon.UNIT)
            for pid in cgroups.processes(group):
                usage = _usage(pid)
                if usage is not None:
                    recorder.write("daemon", controller=controller.name, **usage)
        time.sleep(_INTERVAL_S)


def _usage(pid: int) -> dict[str, float] | None:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    if "VmRSS" not in status:
        return None  # it is ending
    return {
        "pid": int(status["NSpid"].split()[-1]),
        "rss_kib": int(status["VmRSS"].split()[0]),
        "threads": int(status["Threads"]),
        "cpu_s": (int(times[11]) + int(times[12])) / _TICKS_PER_S,
    }
