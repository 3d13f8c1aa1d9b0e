"""Whether a human has mended the nova files of a pairing that is not watched.

A look is cheap as long as no file changed. It blocks on the file system, so it belongs in a thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nova_watchdog.config import ConfigError, Settings, Unwatched, load_for_run
from nova_watchdog.config.nova_files import expand

Stamp = tuple[tuple[str, int, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Look:
    """What nova's files would mean for a daemon that starts now.

    mended: the unwatched pairings that it would watch.
    blocked: why it should not be started anew all the same, empty when nothing speaks against it.
    lines: what keeps each of the others from being watched, one line a mistake.
    """

    mended: tuple[str, ...] = ()
    blocked: str = ""
    lines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class UnwatchedFiles:
    """The files of the pairings that these settings leave unwatched."""

    def __init__(self, settings: Settings) -> None:
        self._toml = settings.file
        self._names = tuple(one.name for one in settings.unwatched)
        self._files = self._files_at_start = _files(settings.unwatched)
        # The first look reads them in any case: they may have changed since the settings were made.
        self._stamp: Stamp | None = None

    def look(self) -> Look | None:
        """Read everything again if a file changed. None: as at the last look."""
        stamp = _stamp(self._files)  # before the reading: what changes meanwhile shows at the next look
        if stamp == self._stamp:
            return None
        try:
            found = load_for_run(self._toml)
        except ConfigError as error:
            # What is in the way may lie in a file that is not looked at: read again each time.
            self._stamp = None
            return Look(blocked=f"the daemon would not start: {error.mistakes[0]}")
        self._stamp = stamp
        self._files = tuple(dict.fromkeys((*self._files_at_start, *_files(found.unwatched))))
        unwatched = {one.name: one for one in found.unwatched}
        mended = tuple(name for name in self._names if name not in unwatched)
        lost = [one for one in found.unwatched if one.name not in self._names] if mended else []
        return Look(
            mended=mended,
            blocked=f"{lost[0].name} would not be watched any more: {lost[0].lines[0]}" if lost else "",
            lines={name: one.lines for name, one in unwatched.items() if name in self._names},
        )


def _files(unwatched: Sequence[Unwatched]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(file for one in unwatched for file in one.files))


def _stamp(files: Sequence[Path]) -> Stamp:
    """What changes when a file is written, replaced, added, removed, or its permissions are set.

    A file that cannot be seen counts with the reason.
    """
    found = []
    for file in (file for path in files for file in (path, *expand(path))):
        try:
            info = file.stat()
        except OSError as error:
            found.append((str(file), 0, 0, 0, error.errno or 0))
        else:
            found.append((str(file), info.st_ino, info.st_mtime_ns, info.st_ctime_ns, info.st_size))
    return tuple(found)
