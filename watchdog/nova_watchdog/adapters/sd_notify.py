"""Tells the service manager about this daemon: the datagrams of sd_notify(3)."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Mapping


class SdNotify:
    """`ports.Manager` on `$NOTIFY_SOCKET`; does nothing where there is none (started by hand).

    A datagram that cannot be sent is dropped: systemd's watchdog notices when they stay away, and
    nothing else could be done about it here. Nothing blocks.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = _address(environment.get("NOTIFY_SOCKET", ""))

    def ready(self, status: str) -> None:
        """The daemon does its work now."""
        self._send("READY=1", f"STATUS={_one_line(status)}")

    def alive(self, status: str) -> None:
        """The daemon's loops made progress since the last call."""
        self._send("WATCHDOG=1", f"STATUS={_one_line(status)}")

    def reloading(self) -> None:
        """A reload began; `ready` ends it."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """A clean shutdown began."""
        self._send("STOPPING=1")

    def _send(self, *assignments: str) -> None:
        if self._address is None:
            return
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        # A socket for each message: a service manager that was executed anew may have a new one.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, kind) as sender:
            sender.sendto("\n".join(assignments).encode(), self._address)


def _address(path: str) -> str | None:
    """The socket's address: a path, or `@name` for Linux' abstract namespace. None for anything else."""
    if path.startswith("@"):
        return "\0" + path[1:]
    return path if path.startswith("/") else None


def _one_line(text: str) -> str:
    return " ".join(text.split())
