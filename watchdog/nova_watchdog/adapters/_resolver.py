"""Names of hosts become addresses, without the event loop's threads."""

from __future__ import annotations

import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from nova_watchdog.adapters._worker import Worker, WorkerTimeoutError

_TIMEOUT_S = 5.0


class ThreadResolver(AbstractResolver):
    """getaddrinfo in a thread of its own.

    aiohttp would use the event loop's threads, and the end of the process would wait for one that hangs.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._worker = Worker("resolver")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses. Raises OSError."""
        try:
            found = await self._worker.run(
                lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family),
                timeout_s=self._timeout_s,
            )
        except WorkerTimeoutError as error:
            raise OSError(None, f"resolving {host}: {error}") from error
        except UnicodeError as error:  # as long a label as no name of a host has
            raise OSError(None, f"{host} is no name of a host") from error
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST,
            )
            for kind, _, protocol, _, address in found
        ]

    async def close(self) -> None:
        """The session closes it with itself; the thread ends with `stop`."""
        self.stop()

    def stop(self) -> None:
        """End the thread, also where nothing was ever resolved."""
        self._worker.stop()


class LastGoodResolver(AbstractResolver):
    """The same; while nobody resolves a name its last good addresses stand."""

    def __init__(self) -> None:
        self._resolver = ThreadResolver(_TIMEOUT_S)
        self._last: dict[tuple[str, int, int], list[ResolveResult]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses. Raises OSError."""
        asked = (host, port, int(family))
        try:
            self._last[asked] = await self._resolver.resolve(host, port, family)
        except OSError:
            if asked not in self._last:
                raise
        return self._last[asked]

    async def close(self) -> None:
        """End the thread."""
        self.stop()

    def stop(self) -> None:
        """End the thread, also where nothing was ever resolved."""
        self._resolver.stop()
