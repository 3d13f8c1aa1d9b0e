"""The HTTP interface: metrics, health, and the status document, over TCP and the control socket.

Everything is answered from the last snapshot, so a scrape never waits for a probe and a probe never
for a scrape.
"""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from nova_watchdog.core.kv import kv
from nova_watchdog.core.model import Pairing
from nova_watchdog.core.snapshot import FleetSnapshot
from nova_watchdog.ports import Clock
from nova_watchdog.telemetry import derived, metrics, sockets
from nova_watchdog.telemetry.derived import Snapshot
from nova_watchdog.telemetry.view import document

_LOG = logging.getLogger("nova_watchdog.http")

# How long requests in flight may still run when the daemon stops: every answer is a snapshot.
_SHUTDOWN_S = 0.1
# Requests carry no body.
_MAX_REQUEST_BYTES = 4096


@dataclass(slots=True)
class Server:
    """What listens. `port` is the TCP port, None without TCP."""

    port: int | None
    _runners: list[web.AppRunner]
    _control: sockets.ControlSocket | None

    async def close(self) -> None:
        """Stop listening, drop the clients that hang on, and remove the control socket."""
        if self._control is not None:
            self._control.remove()
        for runner in self._runners:
            await runner.cleanup()
        self._runners.clear()


@dataclass(frozen=True, slots=True)
class Pages:
    """The answers, each made from the last snapshot."""

    snapshot: Snapshot
    clock: Clock
    pairings: Sequence[Pairing]
    stale_after_s: float
    exporter: metrics.Exporter

    async def metrics(self, request: web.Request) -> web.Response:
        """Prometheus' text format, or OpenMetrics where the client asks for it."""
        body, content_type = self.exporter.render(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def healthz(self, _request: web.Request) -> web.Response:
        """200 as long as the daemon's loop runs: no more than "do not kill me"."""
        seen = self.snapshot()
        return web.json_response(
            {
                "status": "alive",
                "controller": seen.controller,
                "version": seen.version,
                "uptime_s": round(max(0.0, self.clock.wall_s() - seen.started_wall_s), 3),
                "loop_lag_s": round(seen.loop_lag_s, 3),
            }
        )

    async def readyz(self, _request: web.Request) -> web.Response:
        """200 once every watched pairing has a verdict that is kept current, otherwise 503 with the why.

        The body names the pairings that are not watched; they never get a verdict, so none waits for them.
        """
        seen = self.snapshot()
        missing = not_ready(seen, self.pairings, self.clock.now_s(), self.stale_after_s)
        body = {"ready": not missing, "why": missing, "unwatched": sorted(seen.unwatched)}
        return web.json_response(body, status=503 if missing else 200)

    async def status(self, _request: web.Request) -> web.Response:
        """The status document (docs/status-json.md)."""
        shown = document(
            self.snapshot(),
            now_s=self.clock.now_s(),
            wall_s=self.clock.wall_s(),
            stale_after_s=self.stale_after_s,
        )
        return web.json_response(shown, dumps=_dumps)


def not_ready(
    snapshot: FleetSnapshot, pairings: Sequence[Pairing], now_s: float, stale_after_s: float
) -> list[str]:
    """What keeps the daemon from being ready, one line a pairing. Empty: ready.

    A pairing that is down has a verdict, so the daemon that says so is ready.
    """
    expected = {p.name for p in pairings} | set(snapshot.pairings)
    if not expected:
        return ["no pairing was looked at yet"]
    found = []
    for name in sorted(expected):
        shown = snapshot.pairings.get(name)
        if shown is None:
            found.append(f"{name}: not looked at yet")
        elif derived.is_stale(shown, now_s, stale_after_s):
            age_s = derived.tick_age_s(shown, now_s)
            found.append(f"{name}: last looked at {age_s:.0f} s ago, its loop hangs")
        elif not derived.has_verdict(snapshot, shown):
            found.append(f"{name}: no verdict yet ({shown.decision.diagnosis.shown_by})")
    return found


def tcp_app(pages: Pages) -> web.Application:
    """The application on the TCP port: read-only, no secrets, no authentication."""
    app = web.Application(client_max_size=_MAX_REQUEST_BYTES)
    app.router.add_get("/metrics", pages.metrics)
    app.router.add_get("/healthz", pages.healthz)
    app.router.add_get("/readyz", pages.readyz)
    app.router.add_get("/api/v1/status", pages.status)
    return app


def control_app(pages: Pages) -> web.Application:
    """The application on the control socket; whoever may open the socket may use it."""
    app = web.Application(client_max_size=_MAX_REQUEST_BYTES)
    app.router.add_get("/api/v1/status", pages.status)
    return app


async def serve(
    snapshot: Snapshot,
    *,
    listen: str,
    socket_path: Path | None,
    clock: Clock,
    pairings: Sequence[Pairing] = (),
    stale_after_s: float = derived.STALE_AFTER_S,
) -> Server:
    """Listen on `listen` ("host:port", "" for none) and on the control socket.

    `pairings` are the configured ones: their series exist, and readiness waits for them, before the
    first snapshot names them. A pairing that was not looked at for `stale_after_s` counts as stale.
    Raises `sockets.ListenError`; then nothing is left listening.
    """
    exporter = metrics.Exporter(snapshot, clock, pairings)
    pages = Pages(snapshot, clock, pairings, stale_after_s, exporter)
    server = Server(port=None, _runners=[], _control=None)
    try:
        if listen:
            tcp = sockets.listen_tcp(listen)
            await _run(server, tcp_app(pages), tcp)
            server.port = tcp.getsockname()[1]
        if socket_path is not None:
            server._control = sockets.ControlSocket.bind(socket_path)  # noqa: SLF001 (being built here)
            await _run(server, control_app(pages), server._control.sock)  # noqa: SLF001
            server._control.publish()  # noqa: SLF001
    except BaseException:
        await server.close()
        raise
    _LOG.info(kv("listening", tcp=listen or None, socket=socket_path))
    return server


async def _run(server: Server, app: web.Application, sock: socket.socket) -> None:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_S, handle_signals=False)
    server._runners.append(runner)  # noqa: SLF001
    await runner.setup()
    await web.SockSite(runner, sock).start()


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=True, allow_nan=False)
