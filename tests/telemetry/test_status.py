from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from aiohttp import web

from nova_watchdog.core.snapshot import FleetSnapshot
from nova_watchdog.telemetry import client, http, status
from telemetry import pictures

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[list[FleetSnapshot]]:
    """A daemon that serves the last snapshot of the list on `control.sock`."""
    shown = [pictures.fleet(pictures.healthy())]
    server = await http.serve(
        lambda: shown[-1],
        listen="",
        socket_path=tmp_path / "control.sock",
        clock=pictures.StoppedClock(30.0),
    )
    yield shown
    await server.close()


async def show(folder: Path, *, as_json: bool = False) -> int:
    return await status.main(folder / "control.sock", as_json=as_json, watch=False)


async def test_exit_0_when_all_are_healthy(
    daemon: list[FleetSnapshot], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table goes to stdout, stderr stays empty."""
    assert daemon
    assert await show(tmp_path) == status.EXIT_HEALTHY
    out, err = capsys.readouterr()
    assert "1 of 1 pairings healthy" in out
    assert err == ""


async def test_exit_1_when_one_is_not(
    daemon: list[FleetSnapshot], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same table, another code: a script need not read it."""
    daemon.append(pictures.fleet(pictures.killed()))
    assert await show(tmp_path) == status.EXIT_NOT_HEALTHY
    assert "process-down" in capsys.readouterr().out


async def test_exit_1_when_one_is_not_watched(
    daemon: list[FleetSnapshot], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others may be as healthy as can be."""
    daemon.append(pictures.fleet(pictures.healthy(), unwatched=["cluster-x"]))
    assert await show(tmp_path) == status.EXIT_NOT_HEALTHY
    out = capsys.readouterr().out
    assert "1 of 2 pairings healthy, 1 NOT WATCHED" in out
    assert pictures.MISTAKE in " ".join(out.split())


async def test_json_is_the_document(
    daemon: list[FleetSnapshot], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whole, parseable, and with the same exit code."""
    assert daemon
    assert await show(tmp_path, as_json=True) == status.EXIT_HEALTHY
    assert json.loads(capsys.readouterr().out)["pairings"][0]["name"] == "cluster-a"


async def test_exit_2_without_a_daemon(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line on stderr: which socket, what is wrong, how to start it."""
    assert await show(tmp_path) == status.EXIT_NO_DAEMON
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        f"nova-watchdog: no daemon answers at {tmp_path}/control.sock (No such file or directory); "
        "start it with 'systemctl start nova-watchdog'\n"
    )


async def test_exit_2_when_the_daemon_died_and_left_its_socket(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A refused connection is no traceback."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "control.sock"))
    assert await show(tmp_path) == status.EXIT_NO_DAEMON
    assert "Connection refused" in capsys.readouterr().err


async def test_exit_2_when_the_daemon_does_not_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hanging daemon costs the timeout, then says so."""
    monkeypatch.setattr(client, "TIMEOUT_S", 0.2)
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(tmp_path / "control.sock"))
        mute.listen()
        assert await show(tmp_path) == status.EXIT_NO_DAEMON
    assert "did not answer within 0.2 s" in capsys.readouterr().err


def test_a_socket_that_one_may_not_open_says_who_may(tmp_path: Path) -> None:
    """Seen by another user: permission denied, and the remedy."""
    path = tmp_path / "control.sock"
    error = PermissionError(13, "Permission denied")
    text = client._no_connection(path, error)
    assert text == f"{path}: permission denied; be root or a member of the socket's group"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"not json", "gave no status"),
        (b"[]", "speaks format None"),
        (b'{"format": 2}', "speaks format 2, this command format 1"),
    ],
)
async def test_exit_2_when_something_else_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], body: bytes, says: str
) -> None:
    """Another program, or another version: one line, no traceback."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=body)

    app = web.Application()
    app.router.add_get("/api/v1/status", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "control.sock")).start()
    try:
        assert await show(tmp_path) == status.EXIT_NO_DAEMON
    finally:
        await runner.cleanup()
    assert says in capsys.readouterr().err


async def test_exit_2_when_the_daemon_has_an_error_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """HTTP 500 is not a status."""
    runner = web.AppRunner(web.Application())
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "control.sock")).start()
    try:
        assert await show(tmp_path) == status.EXIT_NO_DAEMON
    finally:
        await runner.cleanup()
    assert "404" in capsys.readouterr().err


PROGRAM = """
import asyncio, sys
from pathlib import Path
from nova_watchdog.telemetry import client, status
status._REFRESH_S, client.TIMEOUT_S = 0.2, 60
asked = {"as_json": "--json" in sys.argv, "watch": "--watch" in sys.argv}
sys.exit(asyncio.run(status.main(Path(sys.argv[1]), **asked)))
"""


class Running:
    """The command in a process of its own, on a terminal of 100 columns or on a pipe."""

    def __init__(self, *arguments: str, terminal: bool = False, **environment: str) -> None:
        env = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
        env |= {"PYTHONPATH": str(ROOT / "watchdog"), "TERM": "xterm", "COLUMNS": "100", "LINES": "30"}
        self._ours, theirs = pty.openpty() if terminal else os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *arguments],
            env=env | environment,
            stdout=theirs,
            stderr=subprocess.PIPE,
        )
        os.close(theirs)
        self.shown = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    async def until(self, text: str, times: int = 1) -> None:
        """Return when the text was shown that often."""
        async with asyncio.timeout(60):
            while self.shown.count(text) < times:  # noqa: ASYNC110 (a thread reads it)
                await asyncio.sleep(0.05)

    async def end(self, number: signal.Signals | None = None) -> tuple[int, str]:
        """The exit code, and what it wrote to stderr."""
        if number is not None:
            self.process.send_signal(number)
        _, err = await asyncio.to_thread(self.process.communicate, timeout=60)
        await asyncio.to_thread(self._reader.join, 60)
        return self.process.returncode, err.decode()

    def _read(self) -> None:
        with suppress(OSError):  # a terminal's end
            while piece := os.read(self._ours, 65536):
                self.shown += piece.decode()
        os.close(self._ours)


async def test_a_terminal_gets_colour_and_no_color_takes_it_away(
    daemon: list[FleetSnapshot], tmp_path: Path
) -> None:
    """The terminal is a real one, and so is the process."""
    assert daemon
    path = str(tmp_path / "control.sock")
    environments: list[dict[str, str]] = [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}]
    for environment in environments:
        running = Running(path, terminal=True, **environment)
        assert await running.end() == (status.EXIT_HEALTHY, "")
        assert ("\x1b[32mhealthy\x1b[0m" in running.shown) is (environment == {})
        assert ("\x1b" in running.shown) is (environment == {})


async def test_a_pipe_gets_no_colour(daemon: list[FleetSnapshot], tmp_path: Path) -> None:
    """Escape codes are for terminals alone."""
    assert daemon
    running = Running(str(tmp_path / "control.sock"))
    assert await running.end() == (status.EXIT_HEALTHY, "")
    assert "healthy" in running.shown
    assert "\x1b" not in running.shown


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_watch_refreshes_and_ends_cleanly(
    daemon: list[FleetSnapshot], tmp_path: Path, number: signal.Signals
) -> None:
    """Picture after picture; Ctrl-C ends it without a traceback, with the code of the last picture."""
    running = Running(str(tmp_path / "control.sock"), "--watch", terminal=True)
    await running.until("1 of 1 pairings healthy", times=2)
    daemon.append(pictures.fleet(pictures.vcenter_down()))
    await running.until("vcenter-down")
    assert await running.end(number) == (status.EXIT_NOT_HEALTHY, "")
    assert running.shown.count("\x1b[H") >= 3
    assert "Traceback" not in running.shown


async def test_watch_survives_a_restart_of_the_daemon(tmp_path: Path) -> None:
    """While nobody answers it says so and goes on; the code is that of the last picture."""
    path = tmp_path / "control.sock"
    running = Running(str(path), "--watch")
    await running.until("no daemon answers")
    snapshot = pictures.fleet(pictures.healthy())
    server = await http.serve(
        lambda: snapshot, listen="", socket_path=path, clock=pictures.StoppedClock(snapshot.now_s)
    )
    await running.until("1 of 1 pairings healthy")
    ended = await running.end(signal.SIGINT)
    await server.close()
    assert ended == (status.EXIT_HEALTHY, "")


async def test_watch_as_json_is_one_line_a_picture(daemon: list[FleetSnapshot], tmp_path: Path) -> None:
    """For programs that follow."""
    assert daemon
    running = Running(str(tmp_path / "control.sock"), "--watch", "--json")
    await running.until("\n", times=2)
    assert await running.end(signal.SIGINT) == (status.EXIT_HEALTHY, "")
    assert all(json.loads(line)["format"] == 1 for line in running.shown.splitlines())


def first_line(*arguments: str) -> tuple[int, str, str]:
    """Run the command, read one line, close the pipe: exit code, that line, and stderr."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT / "watchdog")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    process.stdout.close()
    code = process.wait(60)
    with process.stderr as stderr:
        return code, line, stderr.read()


async def test_a_reader_that_goes_away_ends_the_watch(daemon: list[FleetSnapshot], tmp_path: Path) -> None:
    """`status --watch | head -1` ends by itself, without a traceback."""
    assert daemon
    code, line, err = await asyncio.to_thread(first_line, str(tmp_path / "control.sock"), "--watch")
    assert (code, err) == (status.EXIT_HEALTHY, "")
    assert "1 of 1 pairings healthy" in line
