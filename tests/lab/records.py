"""The lab's record: one JSON object a line, written by the supervisor and the observer, read by the tests."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


class Recorder:
    """Appends records; several processes may write one file, since each record is one write to O_APPEND."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def write(self, kind: str, *, t: float | None = None, **fields: Any) -> None:
        """Append one record; `t` is CLOCK_MONOTONIC in seconds (default: now), `wall` the Unix time of it."""
        now = time.monotonic()
        moment = now if t is None else t
        record = {
            "t": round(moment, 6),
            "wall": round(time.time() - (now - moment), 6),
            "kind": kind,
            **fields,
        }
        os.write(self._descriptor, (json.dumps(record, separators=(",", ":")) + "\n").encode())

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)
