"""A disk that stands still while a file exists, and a process that can be killed meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.real

_TIMEOUT_S = 10.0
_FROZEN_S = 0.5
_PROGRAM = """
import os, sys
descriptor = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY)
for call in (os.fsync, os.fdatasync) * 500:
    sys.stdin.readline()
    os.write(descriptor, b"x")
    call(descriptor)
    print("on disk", flush=True)
"""


@pytest.fixture
def flag(tmp_path: Path) -> Path:
    """The file that freezes."""
    return tmp_path / "frozen"


@pytest.fixture
def writer(tmp_path: Path, flag: Path) -> Iterator[subprocess.Popen[str]]:
    """A program that brings something to its disk for each line that it reads."""
    program = tmp_path / "program.py"
    program.write_text(_PROGRAM)
    gate = [sys.executable, "-m", "lab.parts.disk_gate", str(flag)]
    with subprocess.Popen(
        [*gate, sys.executable, str(program), str(tmp_path / "data")],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


def _write(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def _written(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_what_is_written_while_frozen_gets_to_the_disk_after_it(
    writer: subprocess.Popen[str], flag: Path
) -> None:
    """Both calls wait until the file is gone; before and after they pass at once."""
    for _ in range(2):
        _write(writer)
        assert _written(writer) == "on disk"
    for _ in range(2):
        flag.touch()
        _write(writer)
        started = time.monotonic()
        time.sleep(_FROZEN_S)
        assert writer.poll() is None
        flag.unlink()
        assert _written(writer) == "on disk"
        assert time.monotonic() - started >= _FROZEN_S


def test_a_process_that_waits_for_its_disk_can_be_killed(writer: subprocess.Popen[str], flag: Path) -> None:
    """A lab must end whatever is frozen in it; the helper ends with the program."""
    _write(writer)
    _written(writer)
    flag.touch()
    _write(writer)
    time.sleep(0.1)
    children = Path(f"/proc/{writer.pid}/task/{writer.pid}/children").read_text().split()
    writer.send_signal(signal.SIGKILL)
    assert writer.wait(_TIMEOUT_S) == -signal.SIGKILL
    deadline = time.monotonic() + _TIMEOUT_S
    while any(_lives(int(child)) for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
