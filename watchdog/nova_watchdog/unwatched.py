"""The pairings that the daemon cannot watch: told at the start, shown, and looked at again.

A broken nova.conf of one pairing is a fault of that pairing, not of the daemon.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from nova_watchdog.config.mended import Look, UnwatchedFiles
from nova_watchdog.config.settings import Settings
from nova_watchdog.core.kv import kv

_log = logging.getLogger("nova_watchdog.unwatched")

LOOK_INTERVAL_S = 10.0

# Runs a look where it may block. None: it hangs, or nothing changed.
InThread = Callable[[Callable[[], Look | None]], Awaitable[Look | None]]


class UnwatchedPairings:
    """`lines` is what keeps each of them from being watched, one line a mistake, without secrets.

    under_systemd: something starts the daemon anew when it ends.
    """

    def __init__(self, settings: Settings, *, under_systemd: bool) -> None:
        self.lines: Mapping[str, tuple[str, ...]] = {one.name: one.lines for one in settings.unwatched}
        self._files = UnwatchedFiles(settings)
        self._under_systemd = under_systemd
        self._last = Look(lines=self.lines)
        for name in self.lines:
            self._tell(name)

    async def until_mended(self, in_thread: InThread) -> None:
        """Return when a daemon that starts now would watch more pairings, and systemd would start it.

        Its end and start touch no nova-compute. Without an unwatched pairing this never returns.
        """
        while True:
            await asyncio.sleep(LOOK_INTERVAL_S)
            look = await in_thread(self._files.look) if self.lines else None
            if look is None or look == self._last:
                continue
            self._last = look
            self._take(look)
            if look.mended and not look.blocked and self._under_systemd:
                return

    def _take(self, look: Look) -> None:
        """Show the new state, and tell what changed."""
        before = self.lines
        self.lines = {name: look.lines.get(name) or (_what_waits(name, look),) for name in before}
        for name in look.lines:
            if self.lines[name] != before[name]:
                self._tell(name)
        if look.blocked:
            _log.warning(kv("restart-blocked", reason=look.blocked))
        elif look.mended:
            then = "this daemon ends, systemd starts it anew" if self._under_systemd else "restart the daemon"
            _log.warning(kv("config-mended", pairing=",".join(look.mended), next=then))

    def _tell(self, name: str) -> None:
        _log.error(kv("not-watched", pairing=name, reason=" | ".join(self.lines[name])))


def _what_waits(name: str, look: Look) -> str:
    """Why a pairing that has no mistake of its own is not watched yet."""
    if not look.blocked:
        return "mended: a restart of the daemon watches it"
    return f"mended, but {look.blocked}" if name in look.mended else look.blocked
