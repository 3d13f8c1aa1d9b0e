"""The whole daemon in its own process, as systemd would start it; every remote side refuses."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

from config.sites import Site
from nova_watchdog import cli
from nova_watchdog.telemetry import client
from nova_watchdog.telemetry.view_readings import Document

SOURCE = Path(cli.__file__).parents[1]
PATIENCE_S = 120.0  # so long only on a machine that has other work
# The command itself, only that it looks for mended files more often, and waits less for an absent D-Bus.
PROGRAM = """
import sys
from nova_watchdog import cli, unwatched
from nova_watchdog.adapters import systemd
unwatched.LOOK_INTERVAL_S = 0.5
systemd._CALL_TIMEOUT_S = 0.2
sys.exit(cli.main(["run", "--config", sys.argv[1]]))
"""


@dataclass
class RunningDaemon:
    """One process. `lines` is its log so far; `notified` what it told systemd."""

    site: Site
    process: subprocess.Popen[str]
    manager: socket.socket
    lines: list[str] = field(default_factory=list)
    notified: list[str] = field(default_factory=list)

    def wait_for(self, condition: Callable[[], object], what: str) -> None:
        """Until it holds."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            self._hear()
            assert self.process.poll() is None, "\n".join(self.lines)
            assert time.monotonic() < deadline, f"{what} did not come: {self.lines}"
            time.sleep(0.05)

    def line(self, event: str, *words: str) -> str | None:
        """The last line of that event that holds these words."""
        found = [
            one for one in self.lines if f"event={event} " in f"{one} " and all(word in one for word in words)
        ]
        return found[-1] if found else None

    def wait_for_line(self, event: str, *words: str) -> str:
        """A line of the log."""
        self.wait_for(lambda: self.line(event, *words), f"event={event} {words}")
        return self.line(event, *words) or ""

    async def status(self) -> Document:
        """The status document."""
        return await client.fetch(self.site.root / "control.sock", "status")

    def _hear(self) -> None:
        while True:
            try:
                self.notified.append(self.manager.recv(4096, socket.MSG_DONTWAIT).decode())
            except BlockingIOError:
                return


@contextmanager
def launched(site: Site) -> Iterator[tuple[subprocess.Popen[str], socket.socket]]:
    """The process, and the socket on which it hears from systemd's side; killed at the end."""
    for name in ("cluster-a.conf", "cluster-b.conf"):
        site.edit(name, {"vc1.example.org": "127.0.0.1\nhost_port = 1"})
    site.edit("nova.conf", {"192.0.2.1:5672": "127.0.0.1:1"})
    site.edit("clouds.yaml", {"password: cloud-password": "auth_url: 'http://127.0.0.1:1', password: x"})
    site.append("nova-watchdog.toml", '[http]\nlisten = ""\n')
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(site.root / "notify"))
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(site.toml)],
            cwd=SOURCE,
            env={**os.environ, "NOTIFY_SOCKET": str(site.root / "notify")},
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process, manager
        finally:
            process.kill()
            process.wait()


@contextmanager
def running_daemon(site: Site) -> Iterator[RunningDaemon]:
    """Started, and READY=1 was told."""
    with launched(site) as (process, manager):
        daemon = RunningDaemon(site, process, manager)
        stderr = process.stderr
        assert stderr is not None
        reader = Thread(target=lambda: daemon.lines.extend(line.rstrip() for line in stderr), daemon=True)
        reader.start()
        try:
            daemon.wait_for(lambda: any("READY=1" in told for told in daemon.notified), "READY=1")
            yield daemon
        finally:
            process.kill()
            reader.join()
            stderr.close()
