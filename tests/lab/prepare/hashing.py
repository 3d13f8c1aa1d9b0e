"""Names for things in the cache: a hash of everything they are made from."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_KEPT = 3
_IN_USE_S = 24 * 3600.0


def digest(*contents: bytes) -> str:
    """A short name for contents."""
    total = hashlib.sha256()
    for content in contents:
        total.update(hashlib.sha256(content).digest())
    return total.hexdigest()[:16]


def digest_of_files(files: Iterable[Path], root: Path) -> str:
    """A short name for files, their places under `root` included."""
    contents: list[bytes] = []
    for file in sorted(files):
        contents += [str(file.relative_to(root)).encode(), file.read_bytes()]
    return digest(*contents)


def use(path: Path) -> Path:
    """Note that a thing in the cache is used from now on."""
    os.utime(path)
    return path


def remove_older(cache: Path, pattern: str) -> None:
    """Remove all but the newest few of what different versions of the lab made.

    What was used within a day stays: a lab that runs beside this one may boot controllers from it.
    """
    newest_first = sorted(cache.glob(pattern), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in newest_first[_KEPT:]:
        if time.time() - path.stat().st_mtime < _IN_USE_S:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
