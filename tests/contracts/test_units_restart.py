"""The contract of a human's restart of a unit, on the fake and on the adapter with a real systemd."""

from __future__ import annotations

import asyncio

import pytest

from contracts.units_worlds import FakeWorld, SystemdWorld
from contracts.waiting import PATIENCE_S
from nova_watchdog.core.model import StopCause
from nova_watchdog.ports import ActionRefusedError


@pytest.fixture(params=["fake", pytest.param("systemd", marks=pytest.mark.lab)])
async def world(request):
    made: FakeWorld | SystemdWorld
    made = FakeWorld() if request.param == "fake" else await _real(request)
    yield made
    await made.close()


async def _real(request):
    return await SystemdWorld(request.getfixturevalue("controller")).open()


async def _running(world, **kind):
    unit, _ = await world.watch(**kind)
    await world.start_by_human(unit)
    return unit, await world.port.read(unit)


async def _until_runs_anew(world, unit, first):
    """The unit's state once another process runs; what it was meanwhile was nobody's stop."""
    seen: set[StopCause] = set()
    async with asyncio.timeout(PATIENCE_S):
        while True:
            state = await world.port.read(unit)
            if state.runs and state.invocation_id != first.invocation_id:
                return state, seen
            seen.add(state.stop_cause)
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("is_stubborn", [False, True])
async def test_a_restarted_unit_runs_anew(world, is_stubborn):
    """Another process, and never seen as stopped by somebody else on the way."""
    unit, first = await _running(world, is_stubborn=is_stubborn)
    await world.port.restart(unit, expected_invocation=first.invocation_id)
    state, seen = await _until_runs_anew(world, unit, first)
    assert state.main_pid != first.main_pid
    assert StopCause.FOREIGN_JOB not in seen


async def test_another_run_than_the_judged_one_is_not_restarted(world):
    """A human restarted it meanwhile."""
    unit, first = await _running(world)
    await world.restart_by_human(unit)
    second = await world.port.read(unit)
    with pytest.raises(ActionRefusedError, match="since it was last looked at"):
        await world.port.restart(unit, expected_invocation=first.invocation_id)
    assert (await world.port.read(unit)).main_pid == second.main_pid


async def test_a_unit_without_a_process_is_not_started(world):
    """It ended meanwhile, or does not exist: a restart is no start."""
    unit, first = await _running(world)
    await world.kill(unit)
    for name, invocation in ((unit, first.invocation_id), ("contract-nobody-wrote@it.service", "")):
        with pytest.raises(ActionRefusedError, match="no process"):
            await world.port.restart(name, expected_invocation=invocation)
    assert not (await world.port.read(unit)).has_process


async def test_a_unit_with_a_job_is_not_restarted(world):
    """Somebody is stopping it right now, and has patience: that stays a human's stop."""
    unit, state = await _running(world, is_stubborn=True)
    await world.begin_stubborn_stop(unit)
    with pytest.raises(ActionRefusedError, match="job"):
        await world.port.restart(unit, expected_invocation=state.invocation_id)
    await world.end_stubborn_stop(unit)
    assert (await world.port.read(unit)).stop_cause is StopCause.FOREIGN_JOB


async def test_without_the_bus_nothing_is_restarted(world):
    """Refused, not unknown: nothing was sent."""
    unit, wakes = await world.watch()
    await world.start_by_human(unit)
    state = await world.port.read(unit)
    wakes.count = 0
    await world.lose_bus()
    await world.eventually(lambda: wakes.count > 0)
    with pytest.raises(ActionRefusedError, match="bus"):
        await world.port.restart(unit, expected_invocation=state.invocation_id)
    wakes.count = 0
    await world.find_bus()
    await world.eventually(lambda: wakes.count > 0)
    assert await world.port.read(unit) == state
