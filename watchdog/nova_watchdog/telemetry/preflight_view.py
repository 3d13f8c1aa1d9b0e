"""The preflight over the control socket: every check of each pairing that this controller may hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from aiohttp import web

from nova_watchdog.core.preflight.check import Check, Report
from nova_watchdog.telemetry.derived import Snapshot
from nova_watchdog.telemetry.view import FORMAT
from nova_watchdog.telemetry.view_readings import Document

Reports = Callable[[], Sequence[Report]]

PATH = "/api/v1/preflight"


def add_to(app: web.Application, snapshot: Snapshot, reports: Reports) -> None:
    """Answer `GET /api/v1/preflight` (`?pairing=P`: only that one)."""

    async def answer(request: web.Request) -> web.Response:
        found = list(reports())
        wanted = request.query.get("pairing")
        if wanted is not None:
            known = ", ".join(sorted(report.pairing for report in found)) or "none: no pairing is shared"
            found = [report for report in found if report.pairing == wanted]
            if not found:
                body = {"error": f"no pairing in mode protect is called {wanted!r}", "allowed": known}
                return web.json_response(body, status=404)
        shown = document(snapshot().controller, found)
        return web.json_response(shown, dumps=lambda value: json.dumps(value, allow_nan=False))

    app.router.add_get(PATH, answer)


def document(controller: str, reports: Sequence[Report]) -> Document:
    """All of it as JSON."""
    return {
        "format": FORMAT,
        "controller": controller,
        "pairings": [_pairing(report) for report in sorted(reports, key=lambda one: one.pairing)],
    }


def _pairing(report: Report) -> Document:
    return {
        "name": report.pairing,
        "unit": report.unit,
        "holder": report.holder or None,
        "ready": report.ready,
        "identity": dict(report.identity),
        "checks": [_check(check) for check in report.checks],
    }


def _check(check: Check) -> Document:
    return {
        "name": check.name,
        "result": check.result.value,
        "hard": check.hard,
        "blocks": check.blocks,
        "detail": check.detail,
        "remedy": check.remedy,
    }
