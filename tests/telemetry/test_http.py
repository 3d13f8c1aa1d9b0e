from __future__ import annotations

import asyncio
import json
import math
import socket
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from nova_watchdog.core.model import Pairing
from nova_watchdog.core.snapshot import FleetSnapshot
from nova_watchdog.telemetry import http
from nova_watchdog.telemetry.sockets import ListenError
from nova_watchdog.telemetry.view import document
from telemetry import pictures

READY = {"ready": True, "why": [], "unwatched": []}
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


class Daemon:
    """What serves in a test: the snapshot can be replaced, the clock moved."""

    def __init__(self, snapshot: FleetSnapshot) -> None:
        self.snapshot = snapshot
        self.clock = pictures.StoppedClock(snapshot.now_s)
        self.servers: list[http.Server] = []

    async def serve(
        self,
        *,
        listen: str = "127.0.0.1:0",
        socket_path: Path | None = None,
        pairings: Sequence[Pairing] = (),
    ) -> http.Server:
        server = await http.serve(
            lambda: self.snapshot,
            listen=listen,
            socket_path=socket_path,
            clock=self.clock,
            pairings=pairings,
        )
        self.servers.append(server)
        return server


@pytest.fixture
async def daemon() -> AsyncIterator[Daemon]:
    found = Daemon(pictures.fleet(pictures.healthy()))
    yield found
    for server in found.servers:
        await server.close()


async def get(server: http.Server, path: str, **headers: str) -> tuple[int, str, str]:
    """Status, content type and body."""
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"http://127.0.0.1:{server.port}{path}") as response,
    ):
        return response.status, response.headers["Content-Type"], await response.text()


async def get_json(server: http.Server, path: str) -> tuple[int, Any]:
    status, content_type, body = await get(server, path)
    assert content_type.startswith("application/json")
    return status, json.loads(body)


async def test_metrics_are_prometheus_text_by_default(daemon: Daemon) -> None:
    """A scrape without wishes gets text format 0.0.4 that its own parser understands."""
    status, content_type, body = await get(await daemon.serve(), "/metrics")
    assert (status, content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert "nova_watchdog_pairing_diagnosis" in {family.name for family in parse_text(body)}


async def test_metrics_are_openmetrics_where_the_client_asks(daemon: Daemon) -> None:
    """Accept: application/openmetrics-text is answered in kind, and the strict parser takes it."""
    status, content_type, body = await get(await daemon.serve(), "/metrics", Accept=OPENMETRICS)
    assert status == 200
    assert content_type.startswith("application/openmetrics-text")
    families = {family.name: family for family in parse_openmetrics(body)}
    assert families["nova_watchdog_actions"].type == "counter"
    assert families["nova_watchdog_pairing"].type == "info"
    assert not [name for name in body.split() if "_created" in name]


async def test_healthz_is_200_even_when_everything_is_broken(daemon: Daemon) -> None:
    """Health says only that the loop runs: a dead pairing must not get the daemon killed."""
    daemon.snapshot = pictures.fleet(pictures.given_up())
    daemon.clock.at_s = daemon.snapshot.now_s + 1000.0
    status, body = await get_json(await daemon.serve(), "/healthz")
    assert status == 200
    assert body == {
        "status": "alive",
        "controller": "ctl1",
        "version": "1.2.3",
        "uptime_s": daemon.snapshot.now_s + 1000.0,
        "loop_lag_s": 0.002,
    }


async def test_readyz_is_200_once_every_pairing_has_a_fresh_verdict(daemon: Daemon) -> None:
    """A verdict is what counts, a bad one too: the daemon that says "down" is ready."""
    server = await daemon.serve()
    assert await get_json(server, "/readyz") == (200, READY)
    daemon.snapshot = pictures.fleet(pictures.killed())
    daemon.clock.at_s = daemon.snapshot.now_s
    assert await get_json(server, "/readyz") == (200, READY)


async def test_readyz_waits_for_the_first_verdict(daemon: Daemon) -> None:
    """A look that could not read anything is not a verdict; an unknown after a verdict still is ready."""
    server = await daemon.serve()
    story = pictures.unread()
    daemon.snapshot = pictures.fleet(story)
    daemon.clock.at_s = story.now_s
    status, body = await get_json(server, "/readyz")
    assert (status, body["why"]) == (503, ["cluster-a: no verdict yet (systemd does not answer)"])
    story = pictures.healthy()
    story.unit_unknown = "D-Bus: timeout"
    daemon.snapshot = pictures.fleet(story.tick(31.0))
    daemon.clock.at_s = story.now_s
    assert (await get_json(server, "/readyz"))[0] == 200


async def test_readyz_does_not_take_an_earlier_daemons_verdict_for_its_own(daemon: Daemon) -> None:
    """The transitions outlive a restart of the daemon; a verdict from before it is not ours."""
    server = await daemon.serve()
    story = pictures.unread()
    daemon.snapshot = pictures.fleet(story)
    daemon.clock.at_s = story.now_s
    shown = daemon.snapshot.pairings["cluster-a"]
    healthy = pictures.healthy().transitions[-1]
    earlier = replace(healthy, wall_s=daemon.snapshot.started_wall_s - 60.0)
    shown = replace(shown, transitions=(earlier, *shown.transitions))
    daemon.snapshot = replace(daemon.snapshot, pairings={"cluster-a": shown})
    assert (await get_json(server, "/readyz"))[0] == 503


async def test_readyz_waits_for_configured_pairings_that_no_snapshot_names_yet(daemon: Daemon) -> None:
    """What the configuration names and the loop has not looked at is told by name."""
    server = await daemon.serve(pairings=[pictures.pairing("cluster-a"), pictures.pairing("cluster-b")])
    status, body = await get_json(server, "/readyz")
    assert (status, body) == (503, {"ready": False, "why": ["cluster-b: not looked at yet"], "unwatched": []})


async def test_readyz_is_200_and_names_the_pairing_that_is_not_watched(daemon: Daemon) -> None:
    """A broken nova.conf of one pairing does not make the daemon unready for the others."""
    daemon.snapshot = pictures.fleet(pictures.healthy(), unwatched=["cluster-b"])
    server = await daemon.serve(pairings=[pictures.pairing("cluster-a")])
    assert await get_json(server, "/readyz") == (200, READY | {"unwatched": ["cluster-b"]})


async def test_readyz_of_an_empty_fleet_is_503(daemon: Daemon) -> None:
    """No pairing at all is never "every pairing"."""
    daemon.snapshot = pictures.fleet()
    status, body = await get_json(await daemon.serve(), "/readyz")
    assert (status, body["why"]) == (503, ["no pairing was looked at yet"])


async def test_readyz_tells_a_pairing_whose_loop_hangs(daemon: Daemon) -> None:
    """Twenty seconds without a look, by the monotonic clock: 503 until it is looked at again."""
    server = await daemon.serve()
    daemon.clock.at_s += 20.0
    assert (await get_json(server, "/readyz"))[0] == 200
    daemon.clock.at_s += 0.5
    status, body = await get_json(server, "/readyz")
    assert (status, body["why"]) == (503, ["cluster-a: last looked at 20 s ago, its loop hangs"])
    shown = daemon.snapshot.pairings["cluster-a"]
    again = replace(shown, ticked_at_s=daemon.clock.at_s)
    daemon.snapshot = replace(daemon.snapshot, pairings={"cluster-a": again})
    assert (await get_json(server, "/readyz"))[0] == 200


async def test_the_status_is_the_same_document_on_tcp_and_on_the_socket(
    daemon: Daemon, tmp_path: Path
) -> None:
    """One document, two doors."""
    server = await daemon.serve(socket_path=tmp_path / "control.sock")
    expected = document(daemon.snapshot, now_s=daemon.clock.now_s(), wall_s=daemon.clock.wall_s())
    assert await get_json(server, "/api/v1/status") == (200, expected)
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(tmp_path / "control.sock"))) as session,
        session.get("http://localhost/api/v1/status") as response,
    ):
        assert await response.json() == expected


async def test_ages_grow_while_the_snapshot_stands_still(daemon: Daemon) -> None:
    """A hanging loop shows as growing ages, never as a fresh old picture."""
    server = await daemon.serve()
    daemon.clock.at_s += 100.0
    _, body = await get_json(server, "/api/v1/status")
    assert body["pairings"][0]["heartbeat_age_s"] == pytest.approx(100.1)
    assert body["pairings"][0]["stale"] is True
    assert body["healthy"] is False


async def test_nothing_can_be_written_over_tcp(daemon: Daemon) -> None:
    """The port is read-only: another method is 405, another path 404."""
    server = await daemon.serve()
    async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as session:
        for path in ("/metrics", "/healthz", "/readyz", "/api/v1/status"):
            async with session.post(path, data=b"x") as response:
                assert response.status == 405
        async with session.get("/api/v1/restart") as response:
            assert response.status == 404


async def test_closing_does_not_wait_for_clients_that_hang_on(daemon: Daemon, tmp_path: Path) -> None:
    """Idle, half a request, and a reader that never reads: none holds up a shutdown."""
    daemon.snapshot = pictures.fleet(*(pictures.healthy(f"cluster-{n}") for n in range(60)))
    server = await daemon.serve(socket_path=tmp_path / "control.sock")
    assert server.port is not None
    writers = []
    for request in (b"", b"GET /metrics HTTP/1.1\r\nHo", b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"):
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(request)
        writers.append(writer)
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    deaf.setblocking(False)  # noqa: FBT003 (socket's own signature)
    await asyncio.get_running_loop().sock_connect(deaf, ("127.0.0.1", server.port))
    await asyncio.get_running_loop().sock_sendall(deaf, b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 20)
    await asyncio.sleep(0.3)  # the server has met them all, and fills the deaf one's buffers
    began_s = time.monotonic()
    await server.close()
    took_s = time.monotonic() - began_s
    print(f"close with 4 hanging clients: {took_s * 1000:.0f} ms")
    assert took_s < 20  # aiohttp would give them a minute
    assert not (tmp_path / "control.sock").exists()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", server.port)
    for writer in writers:
        writer.close()
    deaf.close()


async def test_closing_twice_is_no_error(daemon: Daemon) -> None:
    """A shutdown path may run twice."""
    server = await daemon.serve()
    await server.close()
    await server.close()


@pytest.mark.parametrize(
    "listen", ["9743", ":9743", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:65536", "127.0.0.1:-1"]
)
async def test_a_listen_address_that_is_none_is_refused_with_its_text(daemon: Daemon, listen: str) -> None:
    """One line that names what was given and what is allowed."""
    with pytest.raises(ListenError, match="HOST:PORT") as caught:
        await daemon.serve(listen=listen)
    assert repr(listen) in str(caught.value)


async def test_a_port_in_use_is_refused(daemon: Daemon) -> None:
    """The address that is taken is named."""
    server = await daemon.serve()
    with pytest.raises(ListenError, match=rf"127\.0\.0\.1:{server.port}: Address already in use"):
        await daemon.serve(listen=f"127.0.0.1:{server.port}")


async def test_it_listens_on_ipv6_and_nowhere_with_an_empty_address(daemon: Daemon) -> None:
    """IPv6 goes in brackets; an empty text switches TCP off."""
    server = await daemon.serve(listen="[::1]:0")
    assert server.port
    silent = await daemon.serve(listen="")
    assert silent.port is None


async def test_a_failed_start_leaves_nothing_listening(daemon: Daemon, tmp_path: Path) -> None:
    """When the control socket cannot be had, the TCP port is given back."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(ListenError, match="No such file or directory"):
        await daemon.serve(listen=f"127.0.0.1:{port}", socket_path=tmp_path / "missing" / "control.sock")
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_scrape_of_many_pairings_is_fast(daemon: Daemon) -> None:
    """Rendering is on the event loop, so it must be short: fifty pairings on one controller."""
    daemon.snapshot = pictures.fleet(*(pictures.healthy(f"cluster-{n}") for n in range(50)))
    server = await daemon.serve()
    best_s = math.inf
    for _ in range(3):
        began_s = time.thread_time()  # what the loop's thread computes: other work on the machine is not ours
        _, _, body = await get(server, "/metrics")
        best_s = min(best_s, time.thread_time() - began_s)
    print(f"scrape of 50 pairings: {best_s * 1000:.0f} ms, {len(body)} bytes, {body.count(chr(10))} lines")
    assert best_s < 0.25
