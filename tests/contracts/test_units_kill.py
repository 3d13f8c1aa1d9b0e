"""The contract of the kill of a unit, on the fakes and on the adapter with a real systemd."""

from __future__ import annotations

import asyncio

import pytest

from contracts.simulated_worlds import SimulatedUnitsWorld
from contracts.units_worlds import FakeWorld, SystemdWorld
from contracts.waiting import PATIENCE_S
from nova_watchdog.core.model import ActiveState, StopCause
from nova_watchdog.ports import ActionRefusedError


@pytest.fixture(params=["fake", "simulated", pytest.param("systemd", marks=pytest.mark.lab)])
async def world(request):
    if request.param == "fake":
        made: FakeWorld | SimulatedUnitsWorld | SystemdWorld = FakeWorld()
    elif request.param == "simulated":
        made = SimulatedUnitsWorld()
    else:
        made = await SystemdWorld(request.getfixturevalue("controller")).open()
    yield made
    await made.close()


async def _running(world, **kind):
    unit, _ = await world.watch(**kind)
    await world.start_by_human(unit)
    return unit, await world.port.read(unit)


async def _down(world, unit):
    """The unit's state once its processes are gone."""
    async with asyncio.timeout(PATIENCE_S):
        while not (state := await world.port.read(unit)).is_down:  # noqa: ASYNC110 - a read is what tells
            await asyncio.sleep(0.01)
    return state


@pytest.mark.parametrize("is_stubborn", [False, True])
async def test_a_killed_unit_ended_by_itself_and_can_be_started(world, is_stubborn):
    """Nobody's wish, however deaf the process was: the usual rules start it again."""
    unit, first = await _running(world, is_stubborn=is_stubborn)
    await world.port.kill(unit, expected_invocation=first.invocation_id)
    state = await _down(world, unit)
    assert (state.active, state.stop_cause) == (ActiveState.FAILED, StopCause.BY_ITSELF)
    assert (state.detail, state.main_pid) == ("signal=KILL", 0)
    await world.port.start(unit, expected_invocation=first.invocation_id)
    async with asyncio.timeout(PATIENCE_S):
        while not (state := await world.port.read(unit)).runs:  # noqa: ASYNC110 - a read is what tells
            await asyncio.sleep(0.01)
    assert state.invocation_id != first.invocation_id


async def test_a_kill_that_a_later_daemon_did_not_see_was_nobodys_wish_either(world):
    """The daemon may end between the kill and the start."""
    unit, first = await _running(world)
    await world.port.kill(unit, expected_invocation=first.invocation_id)
    await _down(world, unit)
    await world.replace_daemon()
    assert (await world.port.read(unit)).stop_cause is StopCause.BY_ITSELF


async def test_another_run_than_the_judged_one_is_not_killed(world):
    """A human restarted it meanwhile: it must be judged anew."""
    unit, first = await _running(world)
    await world.restart_by_human(unit)
    second = await world.port.read(unit)
    with pytest.raises(ActionRefusedError, match="since it was last looked at"):
        await world.port.kill(unit, expected_invocation=first.invocation_id)
    assert (await world.port.read(unit)).main_pid == second.main_pid


async def test_a_unit_without_a_process_is_not_killed(world):
    """It ended by itself meanwhile, or does not exist."""
    unit, first = await _running(world)
    await world.kill(unit)
    for name, invocation in ((unit, first.invocation_id), ("contract-nobody-wrote@it.service", "")):
        with pytest.raises(ActionRefusedError, match="no process"):
            await world.port.kill(name, expected_invocation=invocation)


async def test_a_unit_with_a_job_is_not_killed(world):
    """Somebody is stopping it right now, and has patience."""
    unit, state = await _running(world, is_stubborn=True)
    await world.begin_stubborn_stop(unit)
    with pytest.raises(ActionRefusedError, match="job"):
        await world.port.kill(unit, expected_invocation=state.invocation_id)
    assert (await world.port.read(unit)).has_process
    await world.end_stubborn_stop(unit)
    assert (await world.port.read(unit)).stop_cause is StopCause.FOREIGN_JOB


async def test_without_the_bus_nothing_is_killed(world):
    """Refused, not unknown: nothing was sent."""
    unit, wakes = await world.watch()
    await world.start_by_human(unit)
    state = await world.port.read(unit)
    wakes.count = 0
    await world.lose_bus()
    await world.eventually(lambda: wakes.count > 0)
    with pytest.raises(ActionRefusedError, match="bus"):
        await world.port.kill(unit, expected_invocation=state.invocation_id)
    wakes.count = 0
    await world.find_bus()
    await world.eventually(lambda: wakes.count > 0)
    assert await world.port.read(unit) == state
