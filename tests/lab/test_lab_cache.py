"""What stays in the cache when a newer version is made."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from lab.prepare.hashing import remove_older, use

if TYPE_CHECKING:
    from pathlib import Path

_DAY_S = 24 * 3600.0


def _made(cache: Path, name: str, days_ago: float) -> Path:
    path = cache / name
    path.mkdir()
    moment = time.time() - days_ago * _DAY_S
    os.utime(path, (moment, moment))
    return path


def test_the_newest_few_stay_and_older_ones_go(tmp_path: Path) -> None:
    """So that the cache does not grow for ever."""
    for days_ago in range(2, 7):
        _made(tmp_path, f"daemon-{days_ago}", days_ago)
    remove_older(tmp_path, "daemon-*")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["daemon-2", "daemon-3", "daemon-4"]


def test_what_a_lab_started_with_today_stays(tmp_path: Path) -> None:
    """However many newer versions were made since: its controllers boot from it."""
    used = use(_made(tmp_path, "daemon-used", days_ago=9))
    for number in range(9):
        _made(tmp_path, f"daemon-{number}", days_ago=0)
    remove_older(tmp_path, "daemon-*")
    assert used.exists()
