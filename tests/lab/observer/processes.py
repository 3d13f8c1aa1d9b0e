"""Births and deaths of the watched units' main processes, within milliseconds and without asking systemd."""

from __future__ import annotations

import os
import select
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab import cgroups
from lab.controllers import daemon

if TYPE_CHECKING:
    from lab.records import Recorder
    from lab.site import Site

_SCAN_INTERVAL_MS = 20
# What systemd runs beside a unit's own program, by the kernel's name: the start condition, and the lab's slow
# stop. In parentheses it is systemd's own code, which has the end of the program's name before exec.
_BESIDE = frozenset({"may-start", "(ay-start)", "sleep", "(sleep)"})
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass
class _Process:
    """A process of a unit. `announced` once its start is recorded, which waits until it has called exec."""

    controller: str
    unit: str
    pid: int
    lab_pid: int
    seen: float
    started: float
    name: str
    announced: bool = False


class ProcessWatcher:
    """Scans the units' control groups for new processes, and is told of deaths by the kernel (pidfd)."""

    def __init__(self, site: Site, recorder: Recorder) -> None:
        self._lab = site.paths.state.name
        self._recorder = recorder
        units = [p.unit for p in site.topology.pairings]
        if site.topology.daemon:
            units.append(daemon.UNIT)
        self._groups = [
            (c.name, unit, cgroups.unit_group(self._lab, c.name, unit))
            for c in site.topology.controller_list
            for unit in units
        ]
        self._poll = select.poll()
        self._by_descriptor: dict[int, _Process] = {}
        self._known: set[int] = set()
        self._ignored: set[int] = set()

    def run(self) -> None:
        """Watch for ever."""
        while True:
            ended = self._poll.poll(_SCAN_INTERVAL_MS)
            now = time.monotonic()
            for descriptor, _ in ended:
                self._end(descriptor, now)
            self._scan(now)

    def _scan(self, now: float) -> None:
        present: set[int] = set()
        for controller, unit, group in self._groups:
            for pid in cgroups.processes(group):
                present.add(pid)
                if pid not in self._known and pid not in self._ignored:
                    self._begin(controller, unit, pid, now)
        self._ignored &= present
        for descriptor, process in list(self._by_descriptor.items()):
            if process.announced:
                continue
            process.name = _name(process.lab_pid) or process.name
            if process.name in _BESIDE:
                self._forget(descriptor)
                self._ignored.add(process.lab_pid)
            else:
                self._announce(process)

    def _begin(self, controller: str, unit: str, lab_pid: int, now: float) -> None:
        """Start to watch a process, if systemd itself started it (its children do not matter)."""
        leader = cgroups.leader(self._lab, controller)
        try:
            descriptor = os.pidfd_open(lab_pid)
        except ProcessLookupError:
            return  # gone within one scan
        status = _status(lab_pid)
        if status.get("PPid") != str(leader) or status.get("Name") in _BESIDE:
            self._ignored.add(lab_pid)
            os.close(descriptor)
            return
        inner = int(status["NSpid"].split()[-1])
        process = _Process(controller, unit, inner, lab_pid, now, _started(lab_pid, now), status["Name"])
        self._by_descriptor[descriptor] = process
        self._known.add(lab_pid)
        self._poll.register(descriptor, select.POLLIN)

    def _announce(self, process: _Process) -> None:
        command = _command(process.lab_pid)
        if command is None:
            return  # still systemd's own code, before exec
        process.announced = True
        self._record(
            "process.start", process, process.seen, started=round(process.started, 3), command=command
        )

    def _end(self, descriptor: int, now: float) -> None:
        process = self._forget(descriptor)
        if process is None:
            return
        if not process.announced:
            if process.name in _BESIDE or not process.name.startswith("("):
                return  # it never came as far as the unit's program
            self._record(
                "process.start", process, process.seen, started=round(process.started, 3), command=None
            )
        self._record("process.exit", process, now)

    def _forget(self, descriptor: int) -> _Process | None:
        process = self._by_descriptor.pop(descriptor, None)
        if process is not None:
            self._poll.unregister(descriptor)
            os.close(descriptor)
            self._known.discard(process.lab_pid)
        return process

    def _record(self, kind: str, process: _Process, t: float, **more: object) -> None:
        self._recorder.write(
            kind,
            t=t,
            controller=process.controller,
            unit=process.unit,
            pid=process.pid,
            lab_pid=process.lab_pid,
            **more,
        )


def _status(pid: int) -> dict[str, str]:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def _name(pid: int) -> str:
    """The kernel's name of a process; empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().rstrip("\n")
    except OSError:
        return ""


def _command(pid: int) -> str | None:
    """The command line, or None if the process has not called exec yet (systemd names it in parentheses)."""
    try:
        name = Path(f"/proc/{pid}/comm").read_text()
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return None
    if name.startswith("(") or not arguments:
        return None
    return arguments.replace(b"\0", b" ").decode(errors="replace").strip()


def _started(pid: int, now: float) -> float:
    """When the kernel made the process, on CLOCK_MONOTONIC, to a hundredth of a second."""
    try:
        ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except OSError:
        return now
    suspended_s = time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()
    return ticks / _TICKS_PER_S - suspended_s
