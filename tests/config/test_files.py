"""A file that cannot be read is told with the reason and with what would help."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nova_watchdog.config.files import explain, name_of_user, unreadable

NOBODY = 65534


@contextmanager
def unprivileged() -> Iterator[str]:
    """Be nobody where the tests run as root, who may read everything; the user's name."""
    if os.geteuid() != 0:
        yield name_of_user()
        return
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield name_of_user()
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def test_a_forbidden_file_is_told_with_owner_mode_and_command(directory: Path) -> None:
    """The group that such files usually have is in the remedy."""
    path = directory / "nova.conf"
    path.touch()
    path.chmod(0o000)
    with unprivileged() as user:
        words = unreadable(path, group="nova")
    assert words is not None
    wrong, allowed = words
    assert wrong.startswith(f"is not readable for user {user} (0000 ")
    assert allowed == f"readable for that user's group: chgrp nova {path}; chmod 0640 {path}"


def test_a_forbidden_directory_is_told_by_its_name(directory: Path) -> None:
    """The first directory on the way that cannot be entered, not only the file."""
    path = directory / "nova.conf"
    path.touch()
    directory.chmod(0o000)
    with unprivileged() as user:
        words = unreadable(path, group="nova")
    assert words is not None
    wrong, allowed = words
    assert wrong.startswith(f"lies in {directory}, which user {user} may not enter (0000 ")
    assert allowed == f"readable for that user's group: chgrp nova {directory}; chmod 0750 {directory}"


def test_a_group_that_may_read_is_named(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file's group has the right already, membership is the remedy."""
    path = directory / "nova.conf"
    path.touch()
    path.chmod(0o040)
    real = Path.stat

    def stat_of_a_group_without_name(self: Path) -> os.stat_result:
        values = list(real(self))
        values[5] = 64321
        return os.stat_result(values)

    monkeypatch.setattr(Path, "stat", stat_of_a_group_without_name)
    with unprivileged() as user:
        _, allowed = explain(path, PermissionError(), group="nova")
    assert allowed == f"user {user} in that group: usermod -aG 64321 {user}, then a restart"


def test_an_error_without_a_story_keeps_its_text(directory: Path) -> None:
    """A loop of symbolic links is told in the kernel's words."""
    path = directory / "loop"
    path.symlink_to(path)
    assert unreadable(path, group="nova") == (
        "cannot be read (Too many levels of symbolic links)",
        "a readable file",
    )


def test_a_readable_file_is_fine(directory: Path) -> None:
    """No words for it."""
    path = directory / "nova.conf"
    path.touch()
    assert unreadable(path, group="nova") is None
