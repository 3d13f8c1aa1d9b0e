"""Explain and history over HTTP, on the TCP port and on the control socket alike."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from nova_watchdog.core.snapshot import FleetSnapshot
from nova_watchdog.telemetry import http
from nova_watchdog.telemetry.explain import explanation
from nova_watchdog.telemetry.history import history
from telemetry import asked, pictures


def fleet() -> FleetSnapshot:
    return pictures.fleet(pictures.killed(), unwatched=["cluster-x"])


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[http.Server]:
    """A daemon with one pairing that was looked at, one that was not yet, and one that is not watched."""
    found = await asked.serve(tmp_path / "s", None, snapshot=fleet(), listen="127.0.0.1:0")
    yield found
    await found.close()


async def get(server: http.Server, tmp_path: Path, path: str) -> tuple[int, Any]:
    """The answer, which is the same through both doors."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{server.port}{path}") as response,
    ):
        over_tcp = response.status, await response.json()
    assert await asked.request(tmp_path / "s", "GET", path) == over_tcp
    return over_tcp


async def test_an_explanation_is_the_document(server: http.Server, tmp_path: Path) -> None:
    """As the pure function makes it."""
    snapshot = fleet()
    expected = explanation(
        snapshot, "cluster-a", now_s=snapshot.now_s, wall_s=snapshot.wall_s, stale_after_s=20.0
    )
    assert await get(server, tmp_path, "/api/v1/explain/cluster-a") == (200, expected)


async def test_a_history_is_the_document(server: http.Server, tmp_path: Path) -> None:
    """Of all, of one, of the last N."""
    snapshot = fleet()
    for query, name, limit in (
        ("", None, 50),
        ("?pairing=cluster-a", "cluster-a", 50),
        ("?limit=1", None, 1),
    ):
        expected = history(snapshot, name, limit=limit, wall_s=snapshot.wall_s)
        assert await get(server, tmp_path, f"/api/v1/history{query}") == (200, expected)


@pytest.mark.parametrize(
    ("name", "status", "error", "allowed"),
    [
        ("cluster-z", 404, "no pairing is called 'cluster-z'", "cluster-a"),
        ("cluster-b", 503, "pairing cluster-b was not looked at yet", "ask again in a second"),
        ("cluster-x", 404, "pairing cluster-x is not watched", "'nova-watchdog status' says why"),
        ("%00%22", 404, "no pairing is called '\\x00\"'", "cluster-a"),
    ],
)
async def test_a_pairing_without_a_picture_is_told_why(
    server: http.Server, tmp_path: Path, name: str, status: int, error: str, allowed: str
) -> None:
    """Unknown, not yet, or not watched: each is told apart."""
    for path in (f"/api/v1/explain/{name}", f"/api/v1/history?pairing={name}"):
        assert await get(server, tmp_path, path) == (status, {"error": error, "allowed": allowed})


@pytest.mark.parametrize("limit", ["", "0", "-1", "ten", "10001", "1e3", "9" * 5000, "\u0663"])
async def test_a_limit_that_is_none_is_refused(server: http.Server, tmp_path: Path, limit: str) -> None:
    """With what is allowed."""
    expected = {"error": "limit is no such number", "allowed": "1 to 10000"}
    assert await get(server, tmp_path, f"/api/v1/history?limit={limit}") == (400, expected)
