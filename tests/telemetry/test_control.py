"""Pause and resume over the control socket: what is taken, what is refused, and who asked."""

from __future__ import annotations

import asyncio
import getpass
import json
import logging
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from nova_watchdog.core.diagnose import Diagnosis
from nova_watchdog.core.permission import Pause, Permission
from nova_watchdog.ports import StoreUnavailableError
from nova_watchdog.telemetry import control as control_module
from nova_watchdog.telemetry import http, peer
from nova_watchdog.telemetry.control import MAX_PAUSE_S
from nova_watchdog.telemetry.peer import PeerGoneError, peer_name
from runtime.bench import UNIT, Bench
from telemetry import asked, pictures
from telemetry.asked import RecordingControl

NOW_WALL_S = pictures.EPOCH_WALL_S + 30.0
GOOD = {"pairing": "cluster-a", "reason": "storage upgrade", "for_s": 7200}


@pytest.fixture
def control() -> RecordingControl:
    return RecordingControl()


@pytest.fixture
async def path(tmp_path: Path, control: RecordingControl) -> AsyncIterator[Path]:
    """The control socket of a daemon with this control."""
    socket_path = tmp_path / "control.sock"
    server = await asked.serve(socket_path, control)
    yield socket_path
    await server.close()


async def post(path: Path, what: str, body: object) -> tuple[int, Any]:
    return await asked.request(path, "POST", f"/api/v1/{what}", body)


async def test_a_pause_is_handed_on_with_its_reason_and_its_end(
    path: Path, control: RecordingControl
) -> None:
    """The daemon's own clock counts, and the kernel says who asks."""
    status, body = await post(path, "pause", GOOD)
    assert status == 200
    expected = Pause("storage upgrade", getpass.getuser(), NOW_WALL_S, NOW_WALL_S + 7200)
    assert control.asked == {"cluster-a": expected}
    assert body == {
        "done": ["cluster-a"],
        "failed": {},
        "until": "2026-01-02T05:04:35.000Z",
        "by": getpass.getuser(),
        "reason": "storage upgrade",
    }


async def test_a_pause_may_name_its_end_as_a_time(path: Path, control: RecordingControl) -> None:
    """A Unix time, up to seven days ahead."""
    body = {"pairing": "cluster-a", "reason": " x ", "until_wall_s": NOW_WALL_S + MAX_PAUSE_S}
    assert (await post(path, "pause", body))[0] == 200
    pause = control.asked["cluster-a"]
    assert pause is not None
    assert (pause.until_wall_s, pause.reason) == (NOW_WALL_S + MAX_PAUSE_S, "x")


async def test_all_means_every_watched_pairing(path: Path, control: RecordingControl) -> None:
    """Paused and resumed together."""
    status, body = await post(path, "pause", GOOD | {"pairing": "all"})
    assert (status, body["done"]) == (200, ["cluster-a", "cluster-b"])
    assert all(control.asked.values())
    assert await post(path, "resume", {"pairing": "all"}) == (
        200,
        {"done": ["cluster-a", "cluster-b"], "failed": {}},
    )
    assert control.asked == {"cluster-a": None, "cluster-b": None}


@pytest.mark.parametrize(
    ("change", "says", "allowed"),
    [
        ({"reason": None}, "reason is missing", "1 to 200 printable"),
        ({"reason": "  "}, "reason is missing", "1 to 200 printable"),
        ({"reason": "x" * 201}, "reason has 201 characters", "1 to 200 printable"),
        ({"reason": "a\nb"}, "reason has control characters", "1 to 200 printable"),
        ({"reason": "\x1b[2J"}, "reason has control characters", "1 to 200 printable"),
        ({"reason": "\ud800"}, "reason has control characters", "1 to 200 printable"),
        ({"for_s": 0}, "the end has passed", "at most 7 days"),
        ({"for_s": -1}, "the end has passed", "at most 7 days"),
        ({"for_s": MAX_PAUSE_S + 1}, "more than 7 days away", "at most 7 days"),
        ({"for_s": "2h"}, "for_s is no number", "for_s in seconds"),
        ({"for_s": True}, "for_s is no number", "for_s in seconds"),
        ({"for_s": None}, "for_s is no number", "for_s in seconds"),
        ({"for_s": float("nan")}, "for_s is no number", "for_s in seconds"),
        ({"for_s": float("inf")}, "for_s is no number", "for_s in seconds"),
        ({"for_s": 10**400}, "for_s is no number", "for_s in seconds"),
        ({"until_wall_s": NOW_WALL_S + 60}, "the end is given twice", "one end"),
        ({"pairing": None}, "pairing is missing", "cluster-a, cluster-b, all"),
        ({"pairing": 7}, "pairing is missing", "cluster-a, cluster-b, all"),
        ({"by": "mallory"}, "'by' is not known", "for_s, pairing, reason"),
    ],
)
async def test_what_is_wrong_is_refused_with_what_is_allowed(
    path: Path, control: RecordingControl, change: dict[str, object], says: str, allowed: str
) -> None:
    """400, and nothing was asked of the daemon."""
    status, body = await post(path, "pause", GOOD | change)
    assert status == 400
    assert says in body["error"]
    assert allowed in body["allowed"]
    assert control.asked == {}


@pytest.mark.parametrize("what", ["for_s", "reason", "pairing"])
async def test_nothing_may_be_left_out(path: Path, control: RecordingControl, what: str) -> None:
    """A pause without an end or a reason is no pause."""
    status, body = await post(path, "pause", {key: value for key, value in GOOD.items() if key != what})
    assert (status, "missing" in body["error"]) == (400, True)
    assert control.asked == {}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"not json", 400),
        (b"\xff\xfe", 400),
        (b"[]", 400),
        (b"[" * 4000, 400),
        (json.dumps(GOOD | {"reason": "x" * 5000}).encode(), 413),
    ],
)
async def test_a_body_that_is_none_is_refused(
    path: Path, control: RecordingControl, body: bytes, status: int
) -> None:
    """Every refusal is JSON, whatever was sent."""
    for what in ("pause", "resume"):
        found = await post(path, what, body)
        assert (found[0], sorted(found[1])) == (status, ["allowed", "error"])
    assert control.asked == {}


async def test_an_unknown_pairing_is_404_with_the_known_ones(path: Path, control: RecordingControl) -> None:
    """For both requests."""
    for what, body in (("pause", GOOD | {"pairing": "cluster-z"}), ("resume", {"pairing": "cluster-z"})):
        status, answer = await post(path, what, body)
        assert status == 404
        assert answer == {
            "error": "no pairing is called 'cluster-z'",
            "allowed": "cluster-a, cluster-b, all",
        }
    assert control.asked == {}


async def test_a_pairing_called_all_is_just_that_one(tmp_path: Path, control: RecordingControl) -> None:
    """Its name is allowed in the configuration: then it is the pairing that is meant."""
    pairings = (pictures.pairing("all"), pictures.pairing("cluster-a"))
    server = await asked.serve(tmp_path / "s", control, pairings=pairings)
    _, body = await post(tmp_path / "s", "resume", {"pairing": "all"})
    await server.close()
    assert body["done"] == ["all"]


async def test_what_could_not_be_recorded_is_told_for_each_pairing(
    path: Path, control: RecordingControl
) -> None:
    """503, and the others are done nevertheless."""
    control.failing = {"cluster-b": StoreUnavailableError("store.json: No space left on device")}
    status, body = await post(path, "pause", GOOD | {"pairing": "all"})
    assert (status, body["done"]) == (503, ["cluster-a"])
    why = "it could not be recorded: store.json: No space left on device"
    assert body["failed"] == {"cluster-b": why}


async def test_a_pairing_that_a_reload_took_away_meanwhile_is_404(
    path: Path, control: RecordingControl
) -> None:
    """The daemon's own word counts."""
    control.failing = {"cluster-a": KeyError("cluster-a")}
    assert await post(path, "resume", {"pairing": "cluster-a"}) == (
        404,
        {"done": [], "failed": {"cluster-a": "it is not watched any more"}},
    )


async def test_a_loop_that_does_not_answer_leaves_the_result_unknown(
    path: Path, control: RecordingControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not "failed": it may yet be recorded."""

    async def hang(_pairing: str, _pause: Pause | None) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(control, "pause", hang)
    monkeypatch.setattr(control_module, "_ANSWER_S", 0.05)
    status, body = await post(path, "resume", {"pairing": "cluster-a"})
    assert status == 503
    assert body["failed"]["cluster-a"].startswith("result unknown: ")


async def test_who_paused_what_is_logged(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One line each, with the reason."""
    caplog.set_level(logging.INFO, "nova_watchdog.control")
    await post(path, "pause", GOOD)
    await post(path, "resume", {"pairing": "cluster-a"})
    paused, resumed = (record.getMessage() for record in caplog.records)
    assert paused == (
        f"event=paused pairing=cluster-a by={getpass.getuser()} until=2026-01-02T05:04:35.000Z "
        'reason="storage upgrade"'
    )
    assert resumed == f"event=resumed pairing=cluster-a by={getpass.getuser()}"


async def test_over_tcp_nothing_can_be_paused(tmp_path: Path, control: RecordingControl) -> None:
    """There the paths do not exist."""
    server = await asked.serve(tmp_path / "s", control, listen="127.0.0.1:0")
    async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as session:
        for what in ("pause", "resume"):
            async with session.post(f"/api/v1/{what}", json=GOOD) as response:
                assert response.status == 404
    await server.close()
    assert control.asked == {}


async def test_without_a_control_nothing_can_be_paused(tmp_path: Path) -> None:
    """Nor on the socket."""
    server = await asked.serve(tmp_path / "s", None)
    assert (await post(tmp_path / "s", "pause", GOOD))[0] == 404
    await server.close()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


# With nothing but the standard library: other users cannot read this project's environment.
CLIENT = """
import http.client, socket, sys
client = http.client.HTTPConnection("localhost")
client.sock = socket.socket(socket.AF_UNIX)
client.sock.connect(sys.argv[1])
client.request("POST", "/api/v1/pause", sys.argv[2])
print(client.getresponse().status)
"""


async def test_the_kernel_says_who_asks(open_folder: Path, control: RecordingControl) -> None:
    """Another user, and one that has no name, ask over the same socket."""
    path = open_folder / "control.sock"
    server = await asked.serve(path, control)
    path.chmod(0o666)
    try:
        for uid, name in ((65534, "nobody"), (54321, "uid 54321"), (4_000_000_000, "uid 4000000000")):
            done = await asyncio.to_thread(
                subprocess.run,
                ["/usr/bin/python3", "-c", CLIENT, str(path), json.dumps(GOOD)],
                user=uid,
                capture_output=True,
                text=True,
                check=True,
                timeout=60,
            )
            assert done.stdout == "200\n"
            pause = control.asked.pop("cluster-a")
            assert pause is not None
            assert pause.by == name
    finally:
        await server.close()


async def test_a_directory_of_users_that_is_silent_costs_the_name_alone(
    path: Path, control: RecordingControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number is known anyhow."""
    monkeypatch.setattr(peer, "_look_up", lambda _uid, _name: None)
    monkeypatch.setattr(peer, "_NAME_S", 0.05)
    assert (await post(path, "pause", GOOD))[0] == 200
    pause = control.asked["cluster-a"]
    assert pause is not None
    assert pause.by.startswith("uid ")


async def test_a_client_that_has_gone_changes_nothing(
    path: Path, control: RecordingControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can be named who asked."""
    with pytest.raises(PeerGoneError):
        await peer_name(None)

    async def gone(_transport: object) -> str:
        raise PeerGoneError("the client has gone")

    monkeypatch.setattr(control_module, "peer_name", gone)
    for what, body in (("pause", GOOD), ("resume", {"pairing": "cluster-a"})):
        assert (await post(path, what, body))[0] == 400
    assert control.asked == {}


class LoopControl:
    """The real loop behind the socket."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    async def pause(self, pairing: str, pause: Pause | None) -> None:
        if pairing != self._bench.loop.pairing.name:
            raise KeyError(pairing)
        await self._bench.loop.pause(pause)


async def test_a_pause_reaches_the_loop_and_holds_until_it_is_ended(tmp_path: Path) -> None:
    """Killed while paused: nothing is done. Resumed: it is started."""
    bench = await Bench().healthy()
    path = tmp_path / "control.sock"
    server = await http.serve(
        pictures.fleet,
        listen="",
        socket_path=path,
        clock=bench.clock,
        pairings=[bench.loop.pairing],
        control=LoopControl(bench),
    )

    async def ask(what: str, body: dict[str, object]) -> tuple[int, Any]:
        asking = asyncio.create_task(post(path, what, body))
        while not asking.done():  # the loop answers at its next tick
            await asyncio.sleep(0.02)
            await bench.loop.tick()
        return await asking

    try:
        assert (await ask("pause", GOOD))[0] == 200
        assert bench.shown.permission is Permission.PAUSED
        bench.systemd.kill_by_human(UNIT)
        assert await bench.pass_time(5) is Diagnosis.PROCESS_DOWN
        assert bench.systemd.starts == []
        assert (await ask("resume", {"pairing": "cluster-a"}))[0] == 200
        await bench.pass_time(3)
        assert [unit for _, unit in bench.systemd.starts] == [UNIT]
    finally:
        await server.close()
