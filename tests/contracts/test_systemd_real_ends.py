"""Ends that nobody watched, and units that would mislead: what a real systemd says of them."""

from __future__ import annotations

import pytest

from contracts.units_worlds import SystemdWorld, Wakes
from nova_watchdog.core.model import ActiveState, StopCause
from nova_watchdog.ports import ActionRefusedError, ProbeError

pytestmark = pytest.mark.lab


@pytest.fixture
async def world(controller):
    made = await SystemdWorld(controller).open()
    yield made
    await made.close()


@pytest.mark.parametrize("kind", ["simple", "stubborn"])
async def test_a_stop_while_no_daemon_ran_is_somebodys_wish_however_it_ended(world, kind):
    """`stubborn` is killed after its timeout: failed, as nova-compute is when vCenter is away (FACTS 13)."""
    unit = await world.new_unit(kind)
    await world.systemctl("start", unit)
    await world.systemctl("stop", unit)
    world.port.subscribe(unit, Wakes())
    await world.connect()
    state = await world.port.read(unit)
    assert state.active is (ActiveState.FAILED if kind == "stubborn" else ActiveState.INACTIVE)
    assert state.stop_cause is StopCause.FOREIGN_JOB


@pytest.mark.parametrize("code", [None, 3])
async def test_a_crash_while_no_daemon_ran_is_a_crash(world, code):
    """Killed, and exited with an error."""
    unit = await world.new_unit("simple")
    await world.systemctl("start", unit)
    if code is None:
        await world.kill(unit)
    else:
        await world.exit(unit, code)
    world.port.subscribe(unit, Wakes())
    await world.connect()
    assert (await world.port.read(unit)).stop_cause is StopCause.BY_ITSELF


async def test_a_crash_after_an_earlier_stop_is_a_crash(world):
    """The times of the earlier run must not speak for the later one."""
    unit = await world.new_unit("stubborn")
    await world.systemctl("start", unit)
    await world.systemctl("stop", unit)
    await world.systemctl("start", unit)
    await world.kill(unit)
    world.port.subscribe(unit, Wakes())
    await world.connect()
    assert (await world.port.read(unit)).stop_cause is StopCause.BY_ITSELF


async def test_a_unit_with_processes_of_its_last_run_is_not_started(world):
    """KillMode=process leaves children alone, and systemd itself would start a second set beside them."""
    unit = await world.new_unit("simple")
    await world.run("mkdir", "-p", f"/run/systemd/system/{unit}.d")
    await world._write(f"/run/systemd/system/{unit}.d/mode.conf", "[Service]\nKillMode=process\n")
    await world.systemctl("daemon-reload")
    world.port.subscribe(unit, Wakes())
    await world.connect()
    await world.systemctl("start", unit)
    await world.kill(unit)
    state = await world.port.read(unit)
    with pytest.raises(ActionRefusedError, match="left in /"):
        await world.port.start(unit, expected_invocation=state.invocation_id)
    await world.systemctl("kill", "--signal=KILL", unit, check=False)
    await world.run("rm", "-r", f"/run/systemd/system/{unit}.d")


async def test_an_alias_is_refused_with_the_units_own_name(world):
    """No signal ever comes for it: its process could die unseen."""
    unit = await world.new_unit("simple")
    alias = unit.replace("contract-simple", "contract-alias")
    await world.run("ln", "-s", unit, f"/run/systemd/system/{alias}")
    await world.systemctl("daemon-reload")
    await world.systemctl("start", unit)
    world.port.subscribe(alias, Wakes())
    await world.connect()
    with pytest.raises(ProbeError, match=f"alias of {unit}"):
        await world.port.read(alias)
