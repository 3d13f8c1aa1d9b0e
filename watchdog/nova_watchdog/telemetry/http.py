"""The HTTP interface: metrics, health, and the status document, over TCP and the control socket.

Everything is answered from the last snapshot, so a scrape never waits for a probe and a probe never
for a scrape.
"""

from __future__ import annotations

import json
import logging
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from nova_watchdog.core.kv import kv
from nova_watchdog.core.model import Pairing
from nova_watchdog.core.snapshot import FleetSnapshot
from nova_watchdog.ports import Clock
from nova_watchdog.telemetry import derived, metrics, preflight_view, sockets
from nova_watchdog.telemetry.control import Control, PauseRequests
from nova_watchdog.telemetry.derived import Configured, Snapshot
from nova_watchdog.telemetry.explain import explanation
from nova_watchdog.telemetry.history import history
from nova_watchdog.telemetry.operation_requests import Operating, OperationRequests
from nova_watchdog.telemetry.view import Document, document

_LOG = logging.getLogger("nova_watchdog.http")

# How long requests in flight may still run when the daemon stops: every answer is a snapshot.
_SHUTDOWN_S = 0.1
# The longest request is a pause with its reason.
_MAX_REQUEST_BYTES = 4096
_MAX_EDGES = 10_000
_DEFAULT_EDGES = 50


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
    pairings: Callable[[], Sequence[Pairing]]
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
        missing = not_ready(seen, self.pairings(), self.clock.now_s(), self.stale_after_s)
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

    async def explain(self, request: web.Request) -> web.Response:
        """Why one pairing is judged as it is."""
        try:
            shown = explanation(
                self.snapshot(),
                request.match_info["pairing"],
                now_s=self.clock.now_s(),
                wall_s=self.clock.wall_s(),
                stale_after_s=self.stale_after_s,
            )
        except KeyError as error:
            return self._no_such_pairing(error)
        return web.json_response(shown, dumps=_dumps)

    async def history(self, request: web.Request) -> web.Response:
        """The last edges, of one pairing (`?pairing=P`) or of all; `?limit=N` of them."""
        limit = request.query.get("limit", str(_DEFAULT_EDGES))
        if not re.fullmatch("[0-9]{1,5}", limit) or not 0 < int(limit) <= _MAX_EDGES:
            return _refused("limit is no such number", f"1 to {_MAX_EDGES}", status=400)
        try:
            shown = history(
                self.snapshot(),
                request.query.get("pairing"),
                limit=int(limit),
                wall_s=self.clock.wall_s(),
            )
        except KeyError as error:
            return self._no_such_pairing(error)
        return web.json_response(shown, dumps=_dumps)

    def names(self) -> set[str]:
        """Every pairing that is watched or held: one whose nova files are broken may still be held."""
        return {pairing.name for pairing in self.pairings()} | set(self.snapshot().holds)

    def _no_such_pairing(self, error: KeyError) -> web.Response:
        name = str(error.args[0])
        if name in {pairing.name for pairing in self.pairings()}:
            return _refused(f"pairing {name} was not looked at yet", "ask again in a second", status=503)
        if name in self.snapshot().unwatched:
            return _refused(f"pairing {name} is not watched", "'nova-watchdog status' says why", status=404)
        known = ", ".join(sorted(self.snapshot().pairings))
        return _refused(f"no pairing is called {name!r}", known, status=404)


def _refused(what: str, allowed: str, *, status: int) -> web.Response:
    body: Document = {"error": what, "allowed": allowed}
    return web.json_response(body, status=status)


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
    _add_reading(app, pages)
    return app


def control_app(
    pages: Pages,
    control: Control | None = None,
    operations: Operating | None = None,
    preflight: preflight_view.Reports | None = None,
) -> web.Application:
    """The application on the control socket; whoever may open the socket may use it."""
    app = web.Application(client_max_size=_MAX_REQUEST_BYTES)
    _add_reading(app, pages)
    if control is not None:
        PauseRequests(control, pages.clock, pages.pairings).add_to(app)
    if operations is not None:
        OperationRequests(operations, pages.names).add_to(app)
    if preflight is not None:
        preflight_view.add_to(app, pages.snapshot, preflight)
    return app


def _add_reading(app: web.Application, pages: Pages) -> None:
    app.router.add_get("/api/v1/status", pages.status)
    app.router.add_get("/api/v1/explain/{pairing}", pages.explain)
    app.router.add_get("/api/v1/history", pages.history)


async def serve(  # noqa: PLR0913 - all that is served, by name
    snapshot: Snapshot,
    *,
    listen: str,
    socket_path: Path | None,
    clock: Clock,
    pairings: Configured = (),
    stale_after_s: float = derived.STALE_AFTER_S,
    control: Control | None = None,
    operations: Operating | None = None,
    preflight: preflight_view.Reports | None = None,
) -> Server:
    """Listen on `listen` ("host:port", "" for none) and on the control socket.

    `pairings` are the configured ones: their series exist, and readiness waits for them, before the
    first snapshot names them; what a function of them gives may change with a reload. A pairing that was
    not looked at for `stale_after_s` counts as stale. `control` takes the pauses, `operations`
    what else a human may ask for, `preflight` makes its reports; None: nobody does.
    Raises `sockets.ListenError`; then nothing is left listening.
    """
    exporter = metrics.Exporter(snapshot, clock, pairings)
    pages = Pages(snapshot, clock, derived.configured(pairings), stale_after_s, exporter)
    server = Server(port=None, _runners=[], _control=None)
    try:
        if listen:
            tcp = sockets.listen_tcp(listen)
            await _run(server, tcp_app(pages), tcp)
            server.port = tcp.getsockname()[1]
        if socket_path is not None:
            server._control = sockets.ControlSocket.bind(socket_path)  # noqa: SLF001 (being built here)
            await _run(server, control_app(pages, control, operations, preflight), server._control.sock)  # noqa: SLF001
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
