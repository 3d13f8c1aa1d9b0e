"""A stop that systemd had to enforce, as a daemon that came later sees it: the fake as the real one."""

from __future__ import annotations

import pytest

from contracts.units_worlds import FakeWorld, SystemdWorld
from nova_watchdog.core.model import ActiveState, StopCause


@pytest.fixture(params=["fake", pytest.param("systemd", marks=pytest.mark.lab)])
async def world(request):
    if request.param == "fake":
        yield FakeWorld()
        return
    made = await SystemdWorld(request.getfixturevalue("controller")).open()
    yield made
    await made.close()


async def test_it_is_somebodys_wish(world):
    """nova-compute's graceful stop takes longer than systemd waits: the unit is failed, by a human's stop."""
    unit, _ = await world.watch(is_stubborn=True)
    await world.start_by_human(unit)
    await world.begin_stubborn_stop(unit)
    await world.end_stubborn_stop(unit)
    await world.replace_daemon()
    state = await world.port.read(unit)
    assert (state.active, state.stop_cause) == (ActiveState.FAILED, StopCause.FOREIGN_JOB)
