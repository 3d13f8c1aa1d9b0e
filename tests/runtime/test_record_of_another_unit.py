"""A pairing whose unit or host was changed in the configuration, under the same name."""

from __future__ import annotations

import pytest

from nova_watchdog.core.model import Mode
from nova_watchdog.core.state import Phase
from runtime.bench import UNIT, Bench

_OTHER = "nova-compute@cluster-b.service"


@pytest.mark.parametrize("change", [{"unit": _OTHER}, {"host": "vcenter-cluster-b"}])
async def test_it_begins_anew_and_starts_nothing_that_it_never_saw_running(change):
    """The record speaks of another nova-compute: this one may run on another controller (ADR 0008)."""
    bench = await Bench().healthy()
    bench.systemd.add(_OTHER)
    bench.systemd.kill_by_human(UNIT)
    bench.clock._boot_id = "boot-2"
    bench.boot(**change)
    await bench.pass_time(30)
    assert bench.phase is Phase.NEW
    assert not bench.systemd.starts


async def test_its_history_is_kept():
    """People read it; a changed name of a unit is no reason to lose it."""
    bench = await Bench().healthy()
    before = bench.rules
    bench.boot(unit=_OTHER)
    await bench.pass_time(5)
    assert bench.rules[: len(before)] == before


async def test_the_same_pairing_goes_on_where_it_was():
    """Another mode is not another nova-compute."""
    bench = await Bench(Mode.OBSERVE).healthy()
    bench.mode = Mode.PROTECT
    bench.boot()
    await bench.round()
    assert bench.phase is Phase.WATCHING
