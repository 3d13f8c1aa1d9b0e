"""Sockets in the lab's network, made by a process outside it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from lab import kernel

T = TypeVar("T")


class LabNetwork:
    """Connects to addresses of the lab. A socket belongs for ever to the network namespace it was made in."""

    def __init__(self, init_pid: int) -> None:
        self._namespace = f"/proc/{init_pid}/ns/net"

    def connect(self, host: str, port: int, timeout_s: float) -> socket.socket:
        """A connected TCP socket; OSError as from any connect."""
        return self.run(lambda: socket.create_connection((host, port), timeout=timeout_s))

    def run(self, function: Callable[[], T]) -> T:
        """What it returns or raises, called where every socket that it makes is in the lab's network."""
        # a namespace is entered by one thread, so that thread is made for it and thrown away
        with ThreadPoolExecutor(max_workers=1) as thread:
            return thread.submit(self._run, function).result()

    def _run(self, function: Callable[[], T]) -> T:
        descriptor = os.open(self._namespace, os.O_RDONLY)
        try:
            kernel.set_namespace(descriptor, kernel.NEW_NETWORK_NAMESPACE)
        finally:
            os.close(descriptor)
        return function()
