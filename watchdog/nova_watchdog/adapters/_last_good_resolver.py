"""Names of hosts, also while nobody resolves them: the last good addresses stand."""

from __future__ import annotations

import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from ._http_post import _Resolver


class LastGoodResolver(AbstractResolver):
    """getaddrinfo in a thread of its own. A name server that is away costs no connection."""

    def __init__(self) -> None:
        self._resolver = _Resolver()
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
