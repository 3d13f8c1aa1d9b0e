"""The preflight over the control socket, and as a table."""

from __future__ import annotations

import pytest
from aiohttp import web

from core.preflight_bench import TOLD, checks
from nova_watchdog.core.preflight.check import Report
from nova_watchdog.core.snapshot import FleetSnapshot
from nova_watchdog.telemetry import client, preflight_view, screen_preflight

_FINE = Report("cluster-a", "a.service", "ctl1", tuple(checks().values()), TOLD)
_BROKEN = Report(
    "cluster-b",
    "b.service",
    "",
    tuple(checks(unit={"restart": "always", "enabled": "enabled"}, facts=None).values()),
    TOLD,
)


@pytest.fixture
async def socket(tmp_path):
    app = web.Application()
    preflight_view.add_to(app, lambda: FleetSnapshot("ctl2", "1", 0.0, 0.0, 0.0), lambda: (_BROKEN, _FINE))
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "socket")).start()
    yield tmp_path / "socket"
    await runner.cleanup()


async def test_every_pairing_with_every_check(socket):
    """By name; what blocks is said, and what the others compare with."""
    shown = await client.fetch(socket, "preflight")
    assert shown["controller"] == "ctl2"
    assert [(one["name"], one["ready"], one["holder"]) for one in shown["pairings"]] == [
        ("cluster-a", True, "ctl1"),
        ("cluster-b", False, None),
    ]
    (restart,) = [check for check in shown["pairings"][1]["checks"] if check["name"] == "restart"]
    assert restart["result"] == "fail"
    assert restart["blocks"]
    assert "adopt" in restart["remedy"]
    assert shown["pairings"][0]["identity"]["compute-id"] == TOLD["compute-id"]


async def test_one_pairing_and_one_that_is_not_there(socket):
    """The refusal names those that are."""
    shown = await client.fetch(socket, client.path("preflight", pairing="cluster-a"))
    assert [one["name"] for one in shown["pairings"]] == ["cluster-a"]
    with pytest.raises(client.RefusedError, match="allowed: cluster-a, cluster-b"):
        await client.fetch(socket, client.path("preflight", pairing="x"))


async def test_the_table_says_what_to_do(socket):
    """First the verdict, then each check; the remedy where one does not pass."""
    text = screen_preflight.render(await client.fetch(socket, "preflight"), columns=100)
    assert "cluster-a on ctl2: ready; held by ctl1" in text
    assert "cluster-b on ctl2: NOT READY (restart, vcenter, message-bus, nova-api); held by nobody" in text
    assert "remedy: as root on this controller: nova-watchdog adopt" in text
    assert "FAIL  restart" in text
    assert "warn  boot" in text
    assert "?     vcenter" in text
    assert max(map(len, text.splitlines())) <= 100


async def test_the_holder_and_an_empty_answer():
    """What runs here is held here; alone there is nothing to check."""
    held = Report("cluster-a", "a.service", "ctl1", _FINE.checks)
    assert "held here" in screen_preflight.render(preflight_view.document("ctl1", [held]), columns=80)
    assert "nothing to check" in screen_preflight.render(preflight_view.document("ctl1", []), columns=80)
