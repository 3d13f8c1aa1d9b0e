"""The journal of the daemon and the nova-compute units, with what systemd says about them."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import cgroups
from lab.controllers import daemon
from lab.controllers.machine import ENVIRONMENT

if TYPE_CHECKING:
    from lab.records import Recorder
    from lab.site import Site

_RETRY_S = 0.2
_STANDARD = {"MESSAGE", "PRIORITY", "UNIT", "INVOCATION_ID", "TID", "CODE_FILE", "CODE_LINE", "CODE_FUNC"}


class JournalFollower:
    """Follows one controller's journal, and its next one after a reboot."""

    def __init__(self, site: Site, controller: str, recorder: Recorder) -> None:
        self._lab = site.paths.state.name
        self._controller = controller
        self._recorder = recorder
        self._units = {p.unit for p in site.topology.pairings} | {daemon.UNIT}

    def run(self) -> None:
        """Follow for ever."""
        while True:
            leader = cgroups.leader(self._lab, self._controller)
            if leader is not None:
                self._follow(leader)
            time.sleep(_RETRY_S)

    def _follow(self, leader: int) -> None:
        enter = ["nsenter", "--target", str(leader), "--all"]
        follow = ["journalctl", "--follow", "--lines=all", "--output=json", "--all", "--quiet"]
        with subprocess.Popen(
            [*enter, *follow], env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
        ) as process:
            threading.Thread(target=_keep_running, args=(process,), daemon=True).start()
            for line in process.stdout or ():
                self._record(json.loads(line))

    def _record(self, entry: dict[str, Any]) -> None:
        by_systemd = entry.get("_PID") == "1"
        unit = entry.get("UNIT") if by_systemd else entry.get("_SYSTEMD_UNIT")
        if unit not in self._units:
            return
        fields = {
            k: v
            for k, v in entry.items()
            if k[0] != "_" and k not in _STANDARD and not k.startswith("SYSLOG_")
        }
        self._recorder.write(
            "journal",
            t=int(entry["__MONOTONIC_TIMESTAMP"]) / 1e6,
            controller=self._controller,
            unit=unit,
            by="systemd" if by_systemd else "unit",
            pid=int(entry.get("_PID", 0)),
            priority=int(entry.get("PRIORITY", 6)),
            realtime_us=int(entry["__REALTIME_TIMESTAMP"]),
            message=_text(entry.get("MESSAGE")),
            fields=fields,
        )


def _keep_running(process: subprocess.Popen[bytes]) -> None:
    """Continue nsenter whenever it stops itself.

    systemd-shutdown stops everything in the container before it ends it. nsenter then stops too, nobody
    continues it, it never reaps its child, and the container's process 1 waits for that child for ever.
    """
    while process.poll() is None:
        with contextlib.suppress(OSError):
            if Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T":
                process.send_signal(signal.SIGCONT)
        time.sleep(_RETRY_S)


def _text(message: Any) -> str:
    """A message as text; journalctl prints bytes that are no text as a list of numbers."""
    if isinstance(message, list):
        return bytes(message).decode(errors="replace")
    return message or ""
