"""The contract of the run file, simulated and real; and what else can lie in its place."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from nova_watchdog.adapters.run_file import JsonRunFile
from nova_watchdog.ports import ActionRefusedError, RunFile
from nova_watchdog.simulation.parts.machine import Machine
from nova_watchdog.simulation.parts.run_file import MachineRunFile
from nova_watchdog.simulation.timeline import Timeline

VALUE = {"incarnation": "x", "terms": {"a": [1, 2.5, None]}}


@pytest.fixture(params=["simulated", "real"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], RunFile]:
    """What each daemon after the other opens."""
    if request.param == "real":
        return lambda: JsonRunFile(tmp_path / "hold.json")
    machine = Machine("ctl1", Timeline())
    return lambda: MachineRunFile(machine)


def test_the_next_daemon_reads_what_the_last_one_saved(made: Callable[[], RunFile]) -> None:
    """The latest of it."""
    assert made().load() is None
    made().save({"old": 1})
    made().save(VALUE)
    assert made().load() == VALUE


def test_it_is_replaced_as_a_whole_and_private(tmp_path: Path) -> None:
    """Nobody sees half of it, and what a crash left of an earlier write does no harm."""
    path = tmp_path / "hold.json"
    (tmp_path / "hold.json.new").write_text("{torn")
    JsonRunFile(path).save(VALUE)
    assert [one.name for one in tmp_path.iterdir()] == ["hold.json"]
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "content", [b"", b"{torn", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"a": 1}' + b" " * 2_000_000]
)
def test_what_cannot_be_understood_is_nothing(tmp_path: Path, content: bytes) -> None:
    """Torn, foreign, huge or no object: the hold begins anew."""
    (tmp_path / "hold.json").write_bytes(content)
    assert JsonRunFile(tmp_path / "hold.json").load() is None


def test_what_is_no_file_is_nothing(tmp_path: Path) -> None:
    """A directory, or a pipe that nobody ever writes into."""
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "pipe")
    assert JsonRunFile(tmp_path / "directory").load() is None
    assert JsonRunFile(tmp_path / "pipe").load() is None


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    """With the file's name."""
    with pytest.raises(ActionRefusedError, match=r"hold\.json cannot be written: No such file"):
        JsonRunFile(tmp_path / "nothing" / "hold.json").save(VALUE)
