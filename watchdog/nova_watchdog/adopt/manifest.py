"""What is to be changed, written before it is: what a crash leaves half done can be finished, or undone."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from nova_watchdog.adopt.changes import AddLine, Change, MakeDirectory, WriteFile
from nova_watchdog.adopt.machine import Files, Kept

DIRECTORY = "/var/lib/nova-watchdog-adopt"
_FORMAT = 1

Step = dict[str, Any]


class ManifestError(Exception):
    """The manifest cannot be used; the text says why."""


def path_of(pairing: str) -> str:
    """Where a pairing's manifest lies."""
    return f"{DIRECTORY}/{pairing}.json"


def load(files: Files, pairing: str) -> list[Step]:
    """The steps of earlier times, empty where there is no manifest. Raises ManifestError."""
    text = files.text(path_of(pairing))
    if text is None:
        return []
    try:
        found = json.loads(text)
        if found["format"] != _FORMAT:
            raise ManifestError(f"{path_of(pairing)} has format {found['format']!r:.20}, known is {_FORMAT}")
        return [dict(step) for step in found["steps"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ManifestError(f"{path_of(pairing)} is damaged: {error!r:.100}") from error


def save(files: Files, pairing: str, unit: str, steps: list[Step]) -> None:
    """Write it, or remove it where no step is left. Raises OSError."""
    if not steps:
        files.remove(path_of(pairing))
        return
    files.make_directory(DIRECTORY, 0o700, (0, 0))
    text = json.dumps({"format": _FORMAT, "pairing": pairing, "unit": unit, "steps": steps}, indent=1)
    files.write(path_of(pairing), Kept(text.encode(), 0o600, *files.like(DIRECTORY)))


def with_changes(files: Files, steps: list[Step], changes: tuple[Change, ...]) -> list[Step]:
    """The steps of earlier times and those of these changes. What a path was first stays what it was."""
    merged = [dict(step) for step in steps]
    for change in changes:
        step = _step(files, change)
        known = next((one for one in merged if _same(one, step)), None)
        if known is None:
            merged.append(step)
        elif step["kind"] == "file":
            known["after"] = [*known["after"], *(one for one in step["after"] if one not in known["after"])]
    return merged


def _step(files: Files, change: Change) -> Step:
    if isinstance(change, WriteFile):
        before = files.keep(change.path)
        after = [digest(change.text.encode())]
        return {"kind": "file", "path": change.path, "before": before and _as_json(before), "after": after}
    if isinstance(change, AddLine):
        is_new = files.keep(change.path) is None
        return {"kind": "line", "path": change.path, "line": change.line, "is_new": is_new}
    if isinstance(change, MakeDirectory):
        return {"kind": "directory", "path": change.path}
    return {"kind": "disable", "path": change.unit, "before": change.before}


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one.get(key) == other.get(key) for key in ("kind", "path", "line"))


def digest(data: bytes) -> str:
    """What tells whether a file is still what was written."""
    return hashlib.sha256(data).hexdigest()


def _as_json(kept: Kept) -> Mapping[str, Any]:
    data = base64.b64encode(kept.data).decode()
    return {"data": data, "mode": kept.mode, "uid": kept.uid, "gid": kept.gid}


def kept_of(step: Mapping[str, Any]) -> Kept | None:
    """The file as it was before, None: there was none."""
    before = step["before"]
    if before is None:
        return None
    return Kept(base64.b64decode(before["data"]), before["mode"], before["uid"], before["gid"])
