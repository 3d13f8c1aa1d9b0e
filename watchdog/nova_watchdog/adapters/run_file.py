"""What one daemon leaves to the next on the tmpfs /run."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nova_watchdog.ports import ActionRefusedError

# Some hundred bytes a pairing are expected: a file this large is not ours.
_MAX_BYTES = 1024 * 1024


class JsonRunFile:
    """`ports.RunFile` as one JSON object in a file that is replaced as a whole."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Mapping[str, Any] | None:
        """The last value saved since boot; None for whatever cannot be read: then all begins anew."""
        try:
            # Non-blocking: a named pipe in this place would otherwise hold the daemon's start for ever.
            fd = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(fd, "rb") as file:
                if not stat.S_ISREG(os.fstat(fd).st_mode):
                    return None
                content = file.read(_MAX_BYTES + 1)
            value = json.loads(content) if len(content) <= _MAX_BYTES else None
        except (OSError, ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None

    def save(self, value: Mapping[str, Any]) -> None:
        """Keep it. /run is memory: nothing to sync, and nothing to wait for. Raises ActionRefusedError."""
        content = json.dumps(dict(value)).encode()
        new = self._path.with_name(self._path.name + ".new")
        try:
            new.unlink(missing_ok=True)
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
            new.replace(self._path)
        except OSError as error:
            raise ActionRefusedError(f"{self._path} cannot be written: {error.strerror}") from error
