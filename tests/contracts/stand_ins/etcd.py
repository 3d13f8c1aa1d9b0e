"""A real etcd (Debian's package) of a test's own on loopback, whose members a test may freeze or end."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from contracts.waiting import PATIENCE_S

PREFIX = "/nova-watchdog/"
ROOT_PASSWORD = "etcd-root-password"
USER, PASSWORD = "watchdog", "etcd-contract-password"


def free_ports(count: int) -> list[int]:
    """Ports on loopback that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


class Member:
    """One member. `start` after `kill` goes on with its data."""

    def __init__(self, command: Sequence[str], folder: Path, url: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._command = command
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = url

    def start(self) -> None:
        """Return at once; nothing happens where it runs."""
        if self._process is not None:
            return
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, env={})

    def freeze(self) -> None:
        """Its kernel still takes connections."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def log(self) -> str:
        return self._log.read_text()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)


class Etcd:
    """A cluster of one or more. `options`: more of etcd's own; `ctl_options`: those of etcdctl."""

    def __init__(
        self, folder: Path, *, size: int = 1, options: Sequence[str] = (), ctl_options: Sequence[str] = ()
    ) -> None:
        ports = free_ports(2 * size)
        scheme = "https" if any(one.startswith("--cert-file=") for one in options) else "http"
        peers = [f"http://127.0.0.1:{port}" for port in ports[size:]]
        everyone = ",".join(f"m{number}={peer}" for number, peer in enumerate(peers))
        self._ctl_options = ctl_options
        self.members = [
            Member(
                [
                    "/usr/bin/etcd",
                    f"--name=m{number}",
                    f"--data-dir={folder}/m{number}/data",
                    f"--listen-client-urls={scheme}://127.0.0.1:{port}",
                    f"--advertise-client-urls={scheme}://127.0.0.1:{port}",
                    f"--listen-peer-urls={peer}",
                    f"--initial-advertise-peer-urls={peer}",
                    f"--initial-cluster={everyone}",
                    f"--initial-cluster-token={folder}",
                    "--election-timeout=600",
                    "--logger=zap",
                    "--log-level=warn",
                    "--bcrypt-cost=4",
                    *options,
                ],
                folder / f"m{number}",
                f"{scheme}://127.0.0.1:{port}",
            )
            for number, (port, peer) in enumerate(zip(ports[:size], peers, strict=True))
        ]

    @property
    def urls(self) -> list[str]:
        return [member.url for member in self.members]

    def start(self) -> None:
        """Return when every member answers a linearizable read."""
        for member in self.members:
            member.start()
        self.wait(self.urls)

    def stop(self) -> None:
        for member in self.members:
            member.kill()

    def wait(self, urls: Sequence[str], *credentials: str) -> None:
        """Until each of these answers."""
        ends_at_s = time.monotonic() + PATIENCE_S
        for url in urls:
            while self.ctl("get", "none", *credentials, url=url).returncode:
                assert time.monotonic() < ends_at_s, f"{url} does not serve: {self.members[0].log[-2000:]}"
                time.sleep(0.05)

    def leader(self) -> Member:
        """The member that leads now."""
        ends_at_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < ends_at_s:
            for member in self.members:
                found = self.ctl("endpoint", "status", "--write-out=json", url=member.url)
                for status in (entry["Status"] for entry in json.loads(found.stdout or "[]")):
                    if status["header"]["member_id"] == status.get("leader"):
                        return member
        raise AssertionError("nobody leads")

    def ctl(self, *words: str, url: str = "", check: bool = False) -> subprocess.CompletedProcess[str]:
        """An operator's etcdctl, at one member or at all of them."""
        return subprocess.run(
            [
                "/usr/bin/etcdctl",
                f"--endpoints={url or ','.join(self.urls)}",
                "--dial-timeout=1s",
                "--command-timeout=2s",
                *self._ctl_options,
                *words,
            ],
            env={"ETCDCTL_API": "3"},
            capture_output=True,
            text=True,
            check=check,
            timeout=PATIENCE_S,
        )

    def require_accounts(self) -> None:
        """As docs/etcd.md has it: a user who may do everything below the prefix, and nothing else."""
        for words in (
            ("user", "add", f"root:{ROOT_PASSWORD}"),
            ("user", "grant-role", "root", "root"),
            ("role", "add", "watchdog"),
            ("role", "grant-permission", "watchdog", "--prefix=true", "readwrite", PREFIX),
            ("user", "add", f"{USER}:{PASSWORD}"),
            ("user", "grant-role", USER, "watchdog"),
            ("auth", "enable"),
        ):
            self.ctl(*words, check=True)
