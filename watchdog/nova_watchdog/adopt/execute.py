"""Carries the changes out, and takes them back. Nothing is started or stopped."""

from __future__ import annotations

from nova_watchdog.adopt import manifest
from nova_watchdog.adopt.changes import AddLine, Change, MakeDirectory, WriteFile
from nova_watchdog.adopt.machine import Files, Kept, Systemd

_COMMENT = "#"


def apply(pairing: str, unit: str, changes: tuple[Change, ...], files: Files, systemd: Systemd) -> None:
    """Every change, the manifest first. After a crash the same again does the rest.

    Raises OSError, ActionRefusedError, ManifestError.
    """
    earlier = manifest.load(files, pairing)
    manifest.save(files, pairing, unit, manifest.with_changes(files, earlier, changes))
    for change in changes:
        _apply(change, files, systemd)
    systemd.reload()


def undo(pairing: str, unit: str, files: Files, systemd: Systemd) -> list[str]:
    """Put back what was there. Returns what could not be put back, one line each; the manifest keeps that.

    Raises OSError, ActionRefusedError, ManifestError.
    """
    steps = manifest.load(files, pairing)
    left: list[manifest.Step] = []
    told = []
    for step in reversed(steps):
        problem = _undo(step, files, systemd)
        if problem:
            told.append(problem)
            left.insert(0, step)
    systemd.reload()
    manifest.save(files, pairing, unit, left)
    return told


def _apply(change: Change, files: Files, systemd: Systemd) -> None:
    if isinstance(change, WriteFile):
        before = files.keep(change.path)
        owner = (before.uid, before.gid) if before else files.like(change.like)
        mode = before.mode if before else change.mode
        files.write(change.path, Kept(change.text.encode(), mode, *owner))
    elif isinstance(change, AddLine):
        before = files.keep(change.path)
        text = change.head if before is None else before.data.decode(errors="surrogateescape")
        gap = "" if not text or text.endswith("\n") else "\n"
        data = f"{text}{gap}{change.line}\n".encode(errors="surrogateescape")
        kept = Kept(data, 0o644, 0, 0) if before is None else Kept(data, before.mode, before.uid, before.gid)
        files.write(change.path, kept)
    elif isinstance(change, MakeDirectory):
        files.make_directory(change.path, change.mode, files.like(change.like))
    else:
        systemd.disable(change.unit)


def _undo(step: manifest.Step, files: Files, systemd: Systemd) -> str:
    """Undo one step; why not, empty: it is undone."""
    if step["kind"] == "file":
        return _undo_file(step, files)
    if step["kind"] == "line":
        _remove_line(step, files)
    elif step["kind"] == "directory":
        if not files.remove_directory(step["path"]):
            return f"{step['path']} is not empty: remove it when nothing needs it any more"
    elif step["kind"] == "disable":
        systemd.enable(step["path"], at_runtime=step["before"] == "enabled-runtime")
    return ""


def _undo_file(step: manifest.Step, files: Files) -> str:
    before, now = manifest.kept_of(step), files.keep(step["path"])
    if now == before:
        return ""
    if now is not None and manifest.digest(now.data) not in step["after"]:
        return f"{step['path']} was changed by somebody since: it is left as it is"
    if before is None:
        files.remove(step["path"])
    else:
        files.write(step["path"], before)
    return ""


def _remove_line(step: manifest.Step, files: Files) -> None:
    now = files.keep(step["path"])
    if now is None:
        return
    lines = now.data.decode(errors="surrogateescape").splitlines(keepends=True)
    rest = [line for line in lines if line.strip() != step["line"]]
    if step["is_new"] and all(not line.strip() or line.lstrip().startswith(_COMMENT) for line in rest):
        files.remove(step["path"])
        return
    data = "".join(rest).encode(errors="surrogateescape")
    files.write(step["path"], Kept(data, now.mode, now.uid, now.gid))
