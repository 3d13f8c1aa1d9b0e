"""The start tokens: small files on the tmpfs /run, one a unit, which its start condition reads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from nova_watchdog.ports import ActionRefusedError, Clock

_UPTIME_FILE = Path("/proc/uptime")
# Where a token is written before it gets its name. There is one writer, and it never waits in between.
_NEW = ".new"


class TokenFiles:
    """`ports.Tokens` in `directory`, which the dead man's switch may remove at any moment.

    A write into memory takes microseconds and nobody can give up waiting for it, so each call is carried out
    whole and in its order. `unit_of`: the unit of each pairing, by name.
    """

    def __init__(
        self, directory: Path, unit_of: Mapping[str, str], clock: Clock, uptime_file: Path = _UPTIME_FILE
    ) -> None:
        self._directory = directory
        self._unit_of = unit_of
        self._clock = clock
        self._uptime_file = uptime_file

    async def grant(self, pairing: str, until_s: float) -> None:
        """Let the unit be started until that monotonic time. Raises ActionRefusedError."""
        unit = self._unit(pairing)
        try:
            text = f"{self._until_uptime(until_s)}\n"
            self._directory.mkdir(mode=0o750, exist_ok=True)
            new = self._directory / _NEW
            new.unlink(missing_ok=True)
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640), "w") as file:
                file.write(text)
            new.replace(self._directory / unit)
        except (OSError, ValueError) as error:
            raise ActionRefusedError(f"the token of {pairing} cannot be written: {error}") from error

    async def revoke(self, pairing: str) -> None:
        """Let nobody start it. Raises ActionRefusedError."""
        unit = self._unit(pairing)
        try:
            (self._directory / unit).unlink(missing_ok=True)
        except OSError as error:
            raise ActionRefusedError(f"the token of {pairing} cannot be removed: {error}") from error

    def _unit(self, pairing: str) -> str:
        try:
            return self._unit_of[pairing]
        except KeyError as error:
            raise ActionRefusedError(f"{pairing} is no pairing of this controller") from error

    def _until_uptime(self, until_s: float) -> str:
        """That moment as /proc/uptime will show it: the condition compares with what that file says.

        Read before the clock and cut to hundredths, so it ends early rather than late. A machine that was
        suspended meanwhile counts that time there, and the token ends earlier still.
        """
        uptime = self._uptime_file.read_text(encoding="ascii").split()[0]
        seconds, _, hundredths = uptime.partition(".")
        now = int(seconds) * 100 + int(hundredths[:2].ljust(2, "0"))
        left = int((until_s - self._clock.now_s()) * 100 // 1)
        until = max(0, now + left)
        return f"{until // 100}.{until % 100:02d}"
