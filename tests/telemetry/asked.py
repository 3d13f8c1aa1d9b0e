"""A daemon's HTTP side with a control that a test can break, and requests over its control socket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aiohttp

from nova_watchdog.core.model import Pairing
from nova_watchdog.core.permission import Pause
from nova_watchdog.core.snapshot import FleetSnapshot
from nova_watchdog.telemetry import http
from nova_watchdog.telemetry.operation_requests import Operating
from telemetry import pictures

PAIRINGS = (pictures.pairing("cluster-a"), pictures.pairing("cluster-b"))


class RecordingControl:
    """Keeps what it was asked for; fails for the pairings that a test names."""

    def __init__(self) -> None:
        self.asked: dict[str, Pause | None] = {}
        self.failing: dict[str, Exception] = {}

    async def pause(self, pairing: str, pause: Pause | None) -> None:
        if pairing in self.failing:
            raise self.failing[pairing]
        self.asked[pairing] = pause


async def serve(
    socket_path: Path,
    control: RecordingControl | None,
    *,
    snapshot: FleetSnapshot | None = None,
    pairings: tuple[Pairing, ...] = PAIRINGS,
    listen: str = "",
    operations: Operating | None = None,
) -> http.Server:
    """A server of a healthy fleet at 30 s."""
    shown = snapshot or pictures.fleet(pictures.healthy(), pictures.healthy("cluster-b"))
    return await http.serve(
        lambda: shown,
        listen=listen,
        socket_path=socket_path,
        clock=pictures.StoppedClock(shown.now_s),
        pairings=lambda: pairings,
        control=control,
        operations=operations,
    )


async def request(socket_path: Path, method: str, path: str, body: object = None) -> tuple[int, Any]:
    """Status and JSON of the answer. Bytes are sent as they are, everything else as JSON."""
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(socket_path))) as session,
        session.request(method, f"http://localhost{path}", data=data) as response,
    ):
        text = await response.text()
        return response.status, json.loads(text) if response.content_type.endswith("json") else text
