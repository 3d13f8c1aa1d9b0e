"""One long-running process of the lab: start it, wait until it serves, stop it, start it again."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lab.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_TAIL_BYTES = 3000


def tail(log: Path, size: int = _TAIL_BYTES) -> str:
    """The end of a log file, for an error message."""
    try:
        data = log.read_bytes()
    except FileNotFoundError:
        return "(no log)"
    return data[-size:].decode(errors="replace")


def accepts(address: str, port: int) -> bool:
    """True if a TCP server accepts a connection there."""
    try:
        with socket.create_connection((address, port), timeout=1.0):
            return True
    except OSError:
        return False


@dataclass
class Service:
    """A program that runs until it is stopped, in a process group and with a log file of its own.

    `serves` tells whether it does its work; `grace_s` is how long a stop waits between SIGTERM and SIGKILL.
    """

    name: str
    command: Sequence[str]
    log: Path
    serves: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    start_timeout_s: float = 90.0
    grace_s: float = 5.0
    poll_s: float = 0.1
    _process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Its process id inside the lab, or None if it does not run."""
        if self._process is None or self._process.poll() is not None:
            return None
        return self._process.pid

    def start(self) -> None:
        """Start it, unless it runs."""
        if self.pid is not None:
            return
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # lives on: stop() ends it
                list(self.command),
                env={**os.environ, **self.environment},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_until_serving(self) -> None:
        """Return when it serves; LabError with the log's end if it ends or takes too long."""
        deadline = time.monotonic() + self.start_timeout_s
        while not self.serves():
            if self.pid is None:
                code = self._process.returncode if self._process else None
                raise LabError(
                    f"{self.name} ended with {code} while it started; the end of its log:\n{tail(self.log)}"
                )
            if time.monotonic() > deadline:
                raise LabError(
                    f"{self.name} does not serve after {self.start_timeout_s:g} s; its log:\n{tail(self.log)}"
                )
            time.sleep(self.poll_s)

    def run(self) -> None:
        """Start it and wait until it serves."""
        self.start()
        self.wait_until_serving()

    def stop(self) -> None:
        """SIGTERM, after the grace SIGKILL to its whole process group, and reap it."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):  # killed next, like what its children left
                self._process.wait(self.grace_s)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None
