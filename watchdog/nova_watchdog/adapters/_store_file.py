"""The local store's file: its format, its checks, its atomic replacement. Blocking."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nova_watchdog.ports import StoreConflictError, StoreUnavailableError, Versioned

FORMAT = 1
# Some hundred bytes a pairing are expected: a file this large is not ours.
_MAX_BYTES = 4 * 1024 * 1024


class StoreFile:
    """`{"format": 1, "revision": N, "records": {KEY: {"value": {...}, "revision": N}}}` in one file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._revision = 0
        self._records: dict[str, Versioned] = {}

    def load(self) -> None:
        """Read the file; an absent one is an empty store. Raises StoreUnavailableError."""
        self._revision, self._records = 0, {}
        text = self._read_text()
        if text is None:
            return
        try:
            document = json.loads(text)
        except ValueError as error:
            raise self._broken(f"not JSON ({error})") from error
        if not isinstance(document, dict) or "format" not in document:
            raise self._broken("not a file of this program")
        if document["format"] != FORMAT:
            raise self._broken(f"format {document['format']!r}, this version reads {FORMAT}")
        self._revision = self._number(document, "revision")
        records = document.get("records")
        if not isinstance(records, dict):
            raise self._broken("`records` is no object")
        self._records = {key: self._record(key, record) for key, record in records.items()}

    def select(self, prefix: str) -> Mapping[str, Versioned]:
        """Copies of the records whose key starts with `prefix`."""
        return {
            key: Versioned(json.loads(json.dumps(record.value)), record.revision)
            for key, record in self._records.items()
            if key.startswith(prefix)
        }

    def commit(self, expected: Mapping[str, int], puts: Mapping[str, Mapping[str, Any]]) -> int:
        """Compare, write and sync. Returns the new revision. Raises StoreConflictError, OSError."""
        for key, revision in expected.items():
            current = self._records[key].revision if key in self._records else 0
            if current != revision:
                raise StoreConflictError(f"{key} is at revision {current}, not {revision}")
        revision = self._revision + 1
        records = self._records | {key: Versioned(value, revision) for key, value in puts.items()}
        document = {
            "format": FORMAT,
            "revision": revision,
            "records": {
                key: {"value": record.value, "revision": record.revision} for key, record in records.items()
            },
        }
        temporary = self._write_temporary(json.dumps(document, indent=1).encode() + b"\n")
        temporary.replace(self.path)
        # The file has the new content now, whatever the sync below says.
        self._revision, self._records = revision, records
        self._sync_directory()
        return revision

    def _write_temporary(self, content: bytes) -> Path:
        if len(content) > _MAX_BYTES:
            raise OSError(f"the content would be larger than {_MAX_BYTES} bytes")
        temporary = self.path.with_name(self.path.name + ".new")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return temporary

    def _sync_directory(self) -> None:
        fd = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def _read_text(self) -> str | None:
        try:
            # Non-blocking: a named pipe in this place would otherwise hold the daemon's start for ever.
            fd = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._broken(f"cannot be opened: {error.strerror}") from error
        with os.fdopen(fd, "rb") as file:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise self._broken("not a regular file")
            if status.st_size > _MAX_BYTES:
                raise self._broken(f"{status.st_size} bytes, more than the {_MAX_BYTES} expected at most")
            content = file.read(_MAX_BYTES + 1)
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            raise self._broken("not UTF-8 text") from error

    def _record(self, key: str, record: Any) -> Versioned:
        if not isinstance(record, dict) or not isinstance(record.get("value"), dict):
            raise self._broken(f"the record {key!r} has no `value` object")
        return Versioned(record["value"], self._number(record, "revision"))

    def _number(self, source: Mapping[str, Any], name: str) -> int:
        number = source.get(name)
        if not isinstance(number, int) or isinstance(number, bool) or number < 0:
            raise self._broken(f"`{name}` is {number!r}, not a whole number")
        return number

    def _broken(self, reason: str) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"{self.path}: {reason}. It is left as it is; move it away to start with an empty store"
        )
