"""What humans ask of a pairing's loop while it runs: taken at its next tick, answered when recorded."""

from __future__ import annotations

import asyncio

from nova_watchdog.core.permission import Pause
from nova_watchdog.ports import StoreUnavailableError


class PauseWishes:
    """The wishes that wait. The last one counts; a wish that could not be recorded yet is taken again."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Pause | None, asyncio.Future[None]]] = []
        self._taken = 0

    def add(self, pause: Pause | None) -> asyncio.Future[None]:
        """One more wish. Its answer comes when the record holds it."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((pause, future))
        return future

    def last(self, pause: Pause | None) -> Pause | None:
        """The pause that is wished for now; `pause` where nobody wishes for anything."""
        self._taken = len(self._waiting)
        return self._waiting[-1][0] if self._waiting else pause

    def recorded(self) -> None:
        """What was taken stands in the record."""
        for future in self._take():
            future.set_result(None)

    def failed(self, reason: str) -> None:
        """What was taken could not be recorded, and is forgotten."""
        for future in self._take():
            future.set_exception(StoreUnavailableError(reason))

    def _take(self) -> list[asyncio.Future[None]]:
        taken, self._waiting = self._waiting[: self._taken], self._waiting[self._taken :]
        self._taken = 0
        return [future for _, future in taken if not future.done()]
