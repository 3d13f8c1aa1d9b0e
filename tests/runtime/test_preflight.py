"""The slow loop behind preflight: what it reads, what becomes of a failure, of silence, and of a reload."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from core.builders import PAIRING
from core.here_bench import STANDBY
from core.preflight_bench import ID, KEEPER, NODE, NOVA, UNIT, others, seen
from fakes.clock import FakeClock
from nova_watchdog.core.model import HostLoad, Reading, Unknown
from nova_watchdog.core.preflight.witnesses import Others
from nova_watchdog.ports import ProbeError
from nova_watchdog.runtime import preflight
from nova_watchdog.runtime.preflight import Asked, Preflight, Subject

_NAME = PAIRING.name
_ASKED = Asked(others(), seen(), STANDBY, KEEPER)


class _Units:
    """How the unit is set up, or what reading it fails with; None: it hangs."""

    def __init__(self):
        self.setup: Any = UNIT
        self.asked = 0

    async def read(self, _unit):
        self.asked += 1
        if self.setup is None:
            await asyncio.Event().wait()
        if isinstance(self.setup, Exception):
            raise self.setup
        return self.setup


class _Bench:
    def __init__(self):
        self.clock = FakeClock()
        self.units = _Units()
        self.nova: Any = NOVA
        self.woken = 0
        self.preflight = Preflight(self.units, self.clock, self._wake)
        self.subject = Subject(PAIRING, self._read_nova)
        self.preflight.watch([self.subject])

    def _wake(self):
        self.woken += 1

    async def _read_nova(self):
        if isinstance(self.nova, Exception):
            raise self.nova
        return self.nova


@pytest.fixture
def bench():
    return _Bench()


async def test_before_the_first_look_nothing_is_ready(bench):
    """Unknown is no proof."""
    vantage = bench.preflight.vantage(_NAME, _ASKED)
    assert not vantage.ready
    assert "not read yet" in vantage.reason


async def test_after_a_look_it_is_ready_and_tells_who_it_is(bench):
    """The identity is what the others compare with."""
    await bench.preflight.look()
    vantage = bench.preflight.vantage(_NAME, _ASKED)
    assert vantage.ready, vantage.reason
    assert vantage.identity["compute-id"] == ID
    assert vantage.identity["cluster"] == NODE
    assert vantage.identity == bench.preflight.identity(_NAME, seen())
    report = bench.preflight.report(_NAME, _ASKED)
    assert report.ready
    assert report.holder == "ctl1"


async def test_the_daemon_is_woken_by_a_change_alone(bench):
    """Nothing happens while nothing changes."""
    await bench.preflight.look()
    await bench.preflight.look()
    assert bench.woken == 1
    bench.units.setup = replace(UNIT, restart="always")
    await bench.preflight.look()
    assert bench.woken == 2
    assert "Restart=always" in bench.preflight.vantage(_NAME, _ASKED).reason


async def test_a_failed_look_is_unknown_with_its_reason(bench):
    """Neither systemd's silence nor an unreadable file is a fault of the setup."""
    bench.units.setup, bench.nova = ProbeError("no bus"), ProbeError("no such file")
    await bench.preflight.look()
    reason = bench.preflight.vantage(_NAME, _ASKED).reason
    assert "no bus" in reason
    assert "no such file" in reason
    await bench.preflight.look()
    assert bench.woken == 1


async def test_a_look_that_hangs_is_given_up(bench, monkeypatch):
    """And told as that."""
    monkeypatch.setattr(preflight, "_TIMEOUT_S", 0.01)
    bench.units.setup = None
    await bench.preflight.look()
    assert "no answer within" in bench.preflight.vantage(_NAME, _ASKED).reason


async def test_a_look_of_long_ago_is_unknown(bench):
    """The loop may hang: what it saw last does not count for ever."""
    await bench.preflight.look()
    await bench.clock.advance(61)
    local = bench.preflight.local(_NAME, seen())
    assert isinstance(local.unit, Unknown)
    assert isinstance(local.nova, Unknown)


async def test_the_cluster_s_name_is_kept_while_vcenter_is_away(bench):
    """It is for life; whether vCenter is reached is another check."""
    await bench.preflight.look()
    assert bench.preflight.local(_NAME, seen()).node == NODE
    away = replace(seen(), vcenter=Unknown("away", 0.0))
    assert bench.preflight.local(_NAME, away).node == NODE


async def test_what_nova_said_once_stands(bench):
    """A slow list of hypervisors takes no readiness away."""
    await bench.preflight.look()
    read = seen(HostLoad(0, (NODE,), node_ids=(ID,)))
    assert bench.preflight.local(_NAME, read).hosts is not None
    nobody = replace(_ASKED, others=Others("ctl2"))
    assert bench.preflight.vantage(_NAME, nobody).ready


async def test_a_reload_keeps_what_did_not_change(bench):
    """Another pairing more, or the same one with another unit."""
    await bench.preflight.look()
    other = Subject(replace(PAIRING, name="b", unit="b.service"), bench.subject.read_nova)
    bench.preflight.watch([bench.subject, other])
    assert isinstance(bench.preflight.local(_NAME, seen()).unit, Reading)
    assert isinstance(bench.preflight.local("b", seen()).unit, Unknown)
    bench.preflight.watch([Subject(replace(PAIRING, unit="c.service"), bench.subject.read_nova)])
    assert isinstance(bench.preflight.local(_NAME, seen()).unit, Unknown)


async def test_a_pairing_that_is_not_watched_is_not_ready(bench):
    """Its nova files cannot be used: it is held perhaps, and says so."""
    bench.preflight.watch([])
    assert not bench.preflight.vantage(_NAME, _ASKED).ready
    with pytest.raises(KeyError):
        bench.preflight.checks(_NAME, _ASKED)


async def test_it_runs_until_cancelled_and_looks_at_once_after_a_reload(bench):
    """A new pairing does not wait for the next round."""
    task = asyncio.create_task(bench.preflight.run())
    await asyncio.sleep(0.01)
    assert bench.units.asked == 1
    bench.preflight.watch([bench.subject])
    await asyncio.sleep(0.01)
    assert bench.units.asked == 2
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
