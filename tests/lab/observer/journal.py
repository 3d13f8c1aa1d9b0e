"""The journal of the daemon and the nova-compute units, with what systemd says about them."""

from __future__ import annotations

import json
import os
import select
import subprocess
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import cgroups
from lab.controllers import daemon, holding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lab.records import Recorder
    from lab.site import Site

_RETRY_S = 0.2
_STANDARD = {"MESSAGE", "PRIORITY", "UNIT", "INVOCATION_ID", "TID", "CODE_FILE", "CODE_LINE", "CODE_FUNC"}


class JournalFollower:
    """Records one controller's journal, every entry of each of its boots once.

    It reads the container's files from outside: so it is not ended with the container, and reads what was
    written last after everything in it is dead.
    """

    def __init__(self, site: Site, controller: str, recorder: Recorder) -> None:
        self._lab = site.paths.state.name
        self._controller = controller
        self._recorder = recorder
        self._units = {p.unit for p in site.topology.pairings} | {daemon.UNIT, holding.DEADLINE_SERVICE}

    def run(self) -> None:
        """Follow one boot after the other, for ever."""
        while True:
            leader = cgroups.leader(self._lab, self._controller)
            if leader is not None:
                self._follow_boot(leader)
            time.sleep(_RETRY_S)

    def _follow_boot(self, leader: int) -> None:
        """Return when the boot whose process 1 is `leader` is over and all of its journal is recorded."""
        try:
            machine = _Machine(leader)
        except ProcessLookupError:
            return  # gone between two looks
        with closing(machine):
            cursor: str | None = None
            while not machine.is_dead():
                if machine.open_journal():
                    cursor = self._read(machine, cursor, "--follow")
                time.sleep(_RETRY_S)  # journald has not begun, or journalctl ended on its own
            if machine.open_journal():
                self._read(machine, cursor)

    def _read(self, machine: _Machine, cursor: str | None, *options: str) -> str | None:
        """Record what comes after `cursor`, with `--follow` until the machine is dead.

        Returns the cursor of the last entry.
        """
        after = [] if cursor is None else [f"--after-cursor={cursor}"]
        with machine.journalctl([*after, *options]) as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break  # journalctl was ended in the middle of it
                entry = json.loads(line)
                cursor = entry["__CURSOR"]
                self._record(entry)
        return cursor

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


class _Machine:
    """One boot of a container: its life, and its journal's directory, which stays readable after its end."""

    def __init__(self, leader: int) -> None:
        self._leader = leader
        self._process = os.pidfd_open(leader)
        self._directory: int | None = None

    def close(self) -> None:
        """Forget it."""
        os.close(self._process)
        if self._directory is not None:
            os.close(self._directory)

    def is_dead(self, timeout_s: float = 0.0) -> bool:
        """Whether its process 1 ended, and so everything in it; waits that long for it."""
        return bool(select.select([self._process], [], [], timeout_s)[0])

    def open_journal(self) -> bool:
        """Whether the journal can be read: not before journald has made its first file."""
        if self._directory is None:
            root = Path(f"/proc/{self._leader}/root/run/log/journal")
            try:
                if not any(root.glob("*/system.journal")):
                    return False
                self._directory = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except OSError:
                return False  # it is ending
        return True

    @contextmanager
    def journalctl(self, options: Sequence[str]) -> Iterator[Iterator[bytes]]:
        """The lines of a journalctl, which is ended when the machine is."""
        assert self._directory is not None
        place = [f"--directory=/proc/self/fd/{self._directory}", "--lines=all", "--output=json", "--all"]
        with subprocess.Popen(
            ["journalctl", *place, "--quiet", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            pass_fds=(self._directory,),
        ) as process:
            ending = threading.Thread(target=self._end_with_machine, args=(process,), daemon=True)
            if "--follow" in options:
                ending.start()
            yield iter(process.stdout or ())
            process.wait()
            if "--follow" in options:
                ending.join()

    def _end_with_machine(self, process: subprocess.Popen[bytes]) -> None:
        while process.poll() is None:
            if self.is_dead(_RETRY_S):
                process.terminate()
                return


def _text(message: Any) -> str:
    """A message as text; journalctl prints bytes that are no text as a list of numbers."""
    if isinstance(message, list):
        return bytes(message).decode(errors="replace")
    return message or ""
