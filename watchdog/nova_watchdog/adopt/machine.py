"""The controller that is adopted on: its files below a root directory, and its systemd."""

from __future__ import annotations

import contextlib
import os
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nova_watchdog.core.setup import UnitSetup
from nova_watchdog.ports import ActionRefusedError

_SYSTEMCTL_TIMEOUT_S = 60.0
_DIRECTORY_MODE = 0o755


class Systemd(Protocol):
    """What adopting needs of systemd. Each method raises ActionRefusedError."""

    def show(self, unit: str) -> UnitSetup:
        """How the unit is set up."""
        ...

    def disable(self, unit: str) -> None:
        """Nothing starts it at boot."""
        ...

    def enable(self, unit: str, *, at_runtime: bool) -> None:
        """Undo `disable`."""
        ...

    def reload(self) -> None:
        """Read the unit files again. It starts and stops nothing."""
        ...


class Systemctl:
    """`systemctl` for what changes something; `show` is another one's."""

    def disable(self, unit: str) -> None:
        """See `Systemd`."""
        _systemctl("disable", unit)

    def enable(self, unit: str, *, at_runtime: bool) -> None:
        """See `Systemd`."""
        _systemctl("enable", *(["--runtime"] if at_runtime else []), unit)

    def reload(self) -> None:
        """See `Systemd`."""
        _systemctl("daemon-reload")


@dataclass(frozen=True, slots=True)
class Kept:
    """A file as it was: enough to make it again."""

    data: bytes
    mode: int
    uid: int
    gid: int


class Files:
    """Files below `root`, each written as a whole or not at all."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root

    def place(self, path: str) -> Path:
        """Where a path of the controller lies."""
        return self._root / path.lstrip("/")

    def text(self, path: str) -> str | None:
        """A file's text, or "" for a directory whose path ends in "/"; None: there is none."""
        place = self.place(path)
        if path.endswith("/"):
            return "" if place.is_dir() else None
        kept = self.keep(path)
        return None if kept is None else kept.data.decode(errors="surrogateescape")

    def keep(self, path: str) -> Kept | None:
        """A file with its owner and mode, None: there is none. Raises OSError."""
        place = self.place(path)
        try:
            info = place.stat()
            return Kept(place.read_bytes(), info.st_mode & 0o7777, info.st_uid, info.st_gid)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def like(self, path: str) -> tuple[int, int]:
        """Owner and group of what is at that path, root's where there is nothing."""
        try:
            info = self.place(path).stat()
        except OSError:
            return 0, 0
        return info.st_uid, info.st_gid

    def write(self, path: str, kept: Kept) -> None:
        """Put a file in its place, whatever was there, symbolic links too. Raises OSError.

        A directory may belong to nova: nothing in it is followed.
        """
        place = self.place(path)
        place.parent.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
        half = place.with_name(f".{place.name}.{uuid.uuid4().hex}")
        handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(kept.data)
                file.flush()
                os.fchown(handle, kept.uid, kept.gid)
                os.fchmod(handle, kept.mode)
                os.fsync(handle)
            half.replace(place)
        except BaseException:
            half.unlink(missing_ok=True)
            raise
        _sync(place.parent)

    def remove(self, path: str) -> None:
        """Remove a file, if it is there. Raises OSError."""
        self.place(path).unlink(missing_ok=True)

    def make_directory(self, path: str, mode: int, owner: tuple[int, int]) -> None:
        """Make it unless it is there. Raises OSError."""
        place = self.place(path)
        place.parent.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            place.mkdir(mode=0o700)
            os.chown(place, *owner, follow_symlinks=False)
            place.chmod(mode)

    def remove_directory(self, path: str) -> bool:
        """Remove it if it is empty. Whether it is gone."""
        with contextlib.suppress(OSError):
            self.place(path).rmdir()
        return not self.place(path).exists()


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _systemctl(*arguments: str) -> None:
    words = " ".join(["systemctl", *arguments])
    try:
        done = subprocess.run(  # noqa: S603 - the words are ours and a configured unit's name
            ["/usr/bin/env", "systemctl", *arguments],
            capture_output=True,
            text=True,
            timeout=_SYSTEMCTL_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ActionRefusedError(f"{words}: {error}") from error
    if done.returncode != 0:
        raise ActionRefusedError(f"{words}: {done.stderr.strip() or f'exit code {done.returncode}'}")
