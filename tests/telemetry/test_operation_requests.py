"""Failover and restart over the control socket: what is asked, refused, and told while it goes on."""

from __future__ import annotations

import asyncio
import getpass
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.operation import End, Ending
from nova_watchdog.core.snapshot import HoldSnapshot
from nova_watchdog.telemetry import client
from telemetry import asked, pictures
from telemetry.asked import RecordingControl
from telemetry.operating import DONE, STEPS, PlayedOperations

ME = getpass.getuser()
FAILOVER: dict[str, object] = {"pairing": "cluster-a"}


@pytest.fixture
def operations() -> PlayedOperations:
    return PlayedOperations()


@pytest.fixture
async def path(tmp_path: Path, operations: PlayedOperations) -> AsyncIterator[Path]:
    """The control socket of a daemon with these operations."""
    socket_path = tmp_path / "control.sock"
    server = await asked.serve(socket_path, RecordingControl(), operations=operations)
    yield socket_path
    await server.close()


async def told(path: Path, what: str, body: dict[str, object]) -> list[Any]:
    return [one async for one in client.follow(path, what, body, silence_s=30.0)]


async def test_each_phase_is_a_line_and_the_result_is_the_last(
    path: Path, operations: PlayedOperations
) -> None:
    """As newline-delimited JSON, with the time of each."""
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session,
        session.post("http://localhost/api/v1/failover", json=FAILOVER) as response,
    ):
        text = await response.text()
        assert (response.status, response.content_type) == (200, "application/x-ndjson")
    assert [json.loads(line) for line in text.splitlines()] == [
        {"phase": "asked", "text": "asked by alice", "t": 0.0},
        {"phase": "taken", "text": "ctl2 holds it, epoch 2", "t": 4.26},
        {"result": "done", "reason": DONE.reason, "t": 16.31},
    ]
    assert operations.asked == [("failover", "cluster-a", "", (), ME, 600.0)]


async def test_a_failover_is_handed_on_with_all_that_was_asked(
    path: Path, operations: PlayedOperations
) -> None:
    """By the user of the kernel's word."""
    body = FAILOVER | {"to": "ctl2", "accept": ["vcenter", "cache_prefix"], "timeout_s": 90}
    await told(path, "failover", body)
    assert operations.asked == [("failover", "cluster-a", "ctl2", ("vcenter", "cache_prefix"), ME, 90.0)]


async def test_a_restart_is_handed_on_with_its_reason(path: Path, operations: PlayedOperations) -> None:
    """Which may be left out."""
    await told(path, "restart", {"pairing": "cluster-a", "reason": " wedged "})
    await told(path, "restart", {"pairing": "cluster-b", "timeout_s": 3600})
    assert operations.asked == [
        ("restart", "cluster-a", "wedged", ME, 600.0),
        ("restart", "cluster-b", "", ME, 3600.0),
    ]


@pytest.mark.parametrize(
    ("what", "change", "says", "allowed"),
    [
        ("failover", {"pairing": None}, "pairing is missing", "cluster-a, cluster-b"),
        ("failover", {"pairing": "all"}, "no pairing is called 'all'", "cluster-a, cluster-b"),
        ("failover", {"to": 7}, "to is no name", "a controller's name"),
        ("failover", {"to": "a\n"}, "to is no name", "a controller's name"),
        ("failover", {"to": "a" * 256}, "to is no name", "a controller's name"),
        ("failover", {"accept": "vcenter"}, "accept is no list of checks", "names of checks"),
        ("failover", {"accept": [7]}, "accept is no list of checks", "names of checks"),
        ("failover", {"accept": ["\x1b"]}, "accept is no list of checks", "names of checks"),
        ("failover", {"accept": ["a"] * 33}, "accept is no list of checks", "up to 32"),
        ("failover", {"timeout_s": 0}, "timeout_s is no such number", "up to 3600"),
        ("failover", {"timeout_s": 3601}, "timeout_s is no such number", "up to 3600"),
        ("failover", {"timeout_s": True}, "timeout_s is no such number", "up to 3600"),
        ("failover", {"by": "mallory"}, "'by' is not known", "accept, pairing, timeout_s, to"),
        ("restart", {"reason": ""}, "reason is missing", "1 to 200"),
        ("restart", {"to": "ctl2"}, "'to' is not known", "pairing, reason, timeout_s"),
        ("restart", {"pairing": "cluster-c"}, "no pairing is called 'cluster-c'", "cluster-a"),
    ],
)
async def test_what_is_wrong_is_refused_with_what_is_allowed(
    path: Path,
    operations: PlayedOperations,
    what: str,
    change: dict[str, object],
    says: str,
    allowed: str,
) -> None:
    """And nothing was asked of the daemon."""
    status, body = await asked.request(path, "POST", f"/api/v1/{what}", FAILOVER | change)
    assert status in (400, 404)
    assert says in body["error"]
    assert allowed in body["allowed"]
    assert operations.asked == []
    with pytest.raises(client.RefusedError, match="allowed: "):
        await told(path, what, FAILOVER | change)


async def test_what_is_held_may_be_asked_for_though_nobody_watches_it(tmp_path: Path) -> None:
    """Its nova files are broken here: a good reason to let another controller have it."""
    hold = HoldSnapshot(Claim.MINE, "ctl1", 3, "H13", "held here")
    shown = replace(pictures.fleet(pictures.healthy()), holds={"cluster-c": hold})
    operations = PlayedOperations()
    server = await asked.serve(tmp_path / "control.sock", None, snapshot=shown, operations=operations)
    await told(tmp_path / "control.sock", "failover", {"pairing": "cluster-c"})
    assert operations.asked[0][1] == "cluster-c"
    await server.close()


async def test_each_phase_is_told_when_it_happens(path: Path, operations: PlayedOperations) -> None:
    """Not at the end."""
    operations.wait()
    async with aclosing(client.follow(path, "failover", FAILOVER, silence_s=30.0)) as answer:
        first = [await anext(answer), await anext(answer)]
        assert [one["phase"] for one in first] == [one.phase for one in STEPS]
        operations.go_on()
        assert (await anext(answer))["result"] == "done"


async def test_it_goes_on_when_nobody_listens_any_more(path: Path, operations: PlayedOperations) -> None:
    """Ctrl-C ends the watching alone."""
    operations.wait()
    async with aclosing(client.follow(path, "failover", FAILOVER, silence_s=30.0)) as answer:
        await anext(answer)
    await asyncio.sleep(0.05)
    operations.go_on()
    await asyncio.wait_for(operations.ended.wait(), 30)
    assert len(await told(path, "failover", FAILOVER)) == 3


async def test_a_daemon_that_ends_says_that_the_result_is_unknown(tmp_path: Path) -> None:
    """To whoever listens."""
    operations = PlayedOperations(waits=True)
    server = await asked.serve(tmp_path / "control.sock", None, operations=operations)
    found: list[Any] = []

    async def listen() -> None:
        found.extend(await told(tmp_path / "control.sock", "failover", FAILOVER))

    listening = asyncio.create_task(listen())
    async with asyncio.timeout(30):
        while not operations.asked:  # noqa: ASYNC110 - it sets no event
            await asyncio.sleep(0.01)
        await server.close()
        await listening
    assert found[-1]["result"] == "unknown"
    assert "the daemon ends" in found[-1]["reason"]


async def test_a_refused_end_is_an_answer_like_any_other(path: Path, operations: PlayedOperations) -> None:
    """With its reason."""
    operations.course = (End(Ending.REFUSED, "no standby is ready", 0.0),)
    assert await told(path, "failover", FAILOVER) == [
        {"result": "refused", "reason": "no standby is ready", "t": 0.0}
    ]


async def test_an_error_that_nobody_foresaw_breaks_the_answer_off(
    path: Path, operations: PlayedOperations, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged with where it came from, and never looks like an end."""
    operations.course, operations.error = STEPS, RuntimeError("nobody foresaw it")
    assert [one.get("result") for one in await told(path, "failover", FAILOVER)] == [None, None]
    async with asyncio.timeout(30):
        while "nobody foresaw it" not in caplog.text:  # noqa: ASYNC110 - the log sets no event
            await asyncio.sleep(0.01)


async def test_without_operations_there_is_nothing_to_ask(tmp_path: Path) -> None:
    """As over TCP, where nothing is changed."""
    server = await asked.serve(tmp_path / "control.sock", RecordingControl(), listen="127.0.0.1:0")
    status, _ = await asked.request(tmp_path / "control.sock", "POST", "/api/v1/failover", FAILOVER)
    assert status == 404
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"http://127.0.0.1:{server.port}/api/v1/restart", json=FAILOVER) as response,
    ):
        assert response.status in (404, 405)
    await server.close()


async def test_no_daemon_is_told_as_that(tmp_path: Path) -> None:
    """Nothing was asked, so nothing is unknown."""
    with pytest.raises(client.NoDaemonError, match="no daemon answers"):
        await told(tmp_path / "control.sock", "failover", FAILOVER)


@pytest.mark.parametrize("content", [b"not json\n", b"7\n", b'{"phase": "asked"}\n'])
async def test_an_answer_that_breaks_off_is_an_unknown_result(tmp_path: Path, content: bytes) -> None:
    """The daemon was asked."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nContent-Length: 999\r\n\r\n"
        writer.write(head + content)
        await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(serve, tmp_path / "control.sock")
    async with server:
        with pytest.raises(client.LostError, match="broke off"):
            await told(tmp_path / "control.sock", "failover", FAILOVER)
