"""`failover` and `restart` against a daemon's control socket."""

from __future__ import annotations

import getpass
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.served import run, served
from nova_watchdog import cli
from nova_watchdog.core.operation import End, Ending, Step
from telemetry.asked import RecordingControl
from telemetry.operating import DONE, STEPS, PlayedOperations

ME = getpass.getuser()
# Whoever runs the tests may ignore SIGINT, and children inherit that.
_AS_FROM_A_SHELL = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from nova_watchdog import cli; sys.exit(cli.main())"
)


@pytest.fixture
def operations() -> PlayedOperations:
    return PlayedOperations()


@pytest.fixture
def path(tmp_path: Path, operations: PlayedOperations) -> Iterator[Path]:
    """The control socket of a daemon with these operations."""
    with served(tmp_path / "control.sock", RecordingControl(), operations):
        yield tmp_path / "control.sock"


def test_a_failover_tells_its_phases_and_its_end(
    path: Path, operations: PlayedOperations, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line each, with the seconds since it was asked for."""
    arguments = ["--to", "ctl2", "--accept", "vcenter", "--accept", "cache_prefix", "--timeout", "90"]
    assert run("failover", "cluster-a", *arguments, "--socket", path) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "    0.0 s  asked      asked by alice",
        "    4.3 s  taken      ctl2 holds it, epoch 2",
        "   16.3 s  done       ctl2 holds it, epoch 2, and it reports to Nova",
    ]
    assert err == ""
    assert operations.asked == [("failover", "cluster-a", "ctl2", ("vcenter", "cache_prefix"), ME, 90.0)]


def test_a_restart_with_and_without_a_reason(path: Path, operations: PlayedOperations) -> None:
    """It is followed for ten minutes unless told."""
    assert run("restart", "cluster-a", "--socket", path) == 0
    assert run("restart", "cluster-a", "--reason", "wedged", "--socket", path) == 0
    assert [one[2] for one in operations.asked] == ["", "wedged"]
    assert operations.asked[0][-1] == 600.0


@pytest.mark.parametrize(
    ("ending", "says"), [(Ending.REFUSED, "refused"), (Ending.UNKNOWN, "result unknown")]
)
def test_what_is_not_done_is_told_in_its_own_word(
    path: Path,
    operations: PlayedOperations,
    capsys: pytest.CaptureFixture[str],
    ending: Ending,
    says: str,
) -> None:
    """Exit code 1 for both; unknown is never called failed."""
    operations.course = (*STEPS, End(ending, "the reason\x1b[2J", 5.0))
    assert run("failover", "cluster-a", "--socket", path) == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2
    assert err == f"nova-watchdog: {says}: the reason\\x1b[2J\n"
    assert "failed" not in err


def test_as_json_every_line_is_one_object(
    path: Path, operations: PlayedOperations, capsys: pytest.CaptureFixture[str]
) -> None:
    """The result as the last, also of what is refused."""
    assert run("failover", "cluster-a", "--json", "--socket", path) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one.get("phase", one.get("result")) for one in lines] == ["asked", "taken", "done"]
    operations.course = (End(Ending.REFUSED, "why", 0.0),)
    assert run("restart", "cluster-a", "--json", "--socket", path) == 1
    out, err = capsys.readouterr()
    assert json.loads(out) == {"result": "refused", "reason": "why", "t": 0.0}
    assert err == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["failover", "nope"], "no pairing is called 'nope'; allowed: cluster-a, cluster-b"),
        (["restart", "cluster-a", "--reason", "a\nb"], "reason has control characters; allowed: "),
        (["failover", "cluster-a", "--timeout", "0"], "is '0'; allowed: seconds, up to 3600"),
        (["failover", "cluster-a", "--timeout", "soon"], "is 'soon'; allowed: seconds, up to 3600"),
        (["failover"], "the following arguments are required: PAIRING"),
    ],
)
def test_a_mistake_ends_with_2_and_says_what_is_allowed(
    path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    """The daemon's own refusals of a request, and those of the command line."""
    assert run(*arguments, "--socket", path) == 2
    assert says in capsys.readouterr().err


def test_no_daemon_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing was asked."""
    assert run("failover", "cluster-a", "--socket", tmp_path / "none.sock") == 2
    assert "no daemon answers" in capsys.readouterr().err


def test_an_answer_without_an_end_is_unknown(
    path: Path, operations: PlayedOperations, capsys: pytest.CaptureFixture[str]
) -> None:
    """The daemon went away in the middle."""
    operations.course = STEPS
    assert run("failover", "cluster-a", "--socket", path) == 1
    err = capsys.readouterr().err
    assert "result unknown: the daemon's answer broke off before its end" in err
    assert "'nova-watchdog history cluster-a' tells" in err


def test_ctrl_c_ends_the_watching_and_says_so(tmp_path: Path) -> None:
    """The operation goes on; what became of it is not known."""
    operations = PlayedOperations((Step("asked", "asked by alice", 0.0), DONE), waits=True)
    socket = tmp_path / "control.sock"
    with served(socket, RecordingControl(), operations):
        command = [sys.executable, "-c", _AS_FROM_A_SHELL, "failover", "cluster-a", "--socket", str(socket)]
        environment = os.environ | {"PYTHONPATH": str(Path(cli.__file__).parent.parent)}
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert "asked by alice" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "result unknown: nobody watches any more, and what was begun goes on" in err
        assert "Traceback" not in err
        assert not operations.ended.is_set()
