"""The contract of how managed units are brought to their end, on the simulation and on a real systemd."""

from __future__ import annotations

import asyncio

import pytest

from contracts.holding_worlds import running_by_token
from nova_watchdog.core.model import ActiveState, StopCause
from nova_watchdog.ports import ActionRefusedError


@pytest.fixture
def world(holding_world):
    return holding_world


async def _dead(world, unit):
    """Its state once it has no process and no job."""

    async def is_down():
        return (await world.state(unit)).is_down

    await world.until(is_down)
    return await world.state(unit)


@pytest.mark.parametrize("verb", ["stop", "kill_now"])
async def test_what_this_daemon_ended_is_nobodys_wish(world, verb):
    """However fast it is dead: the job is known as its own before the unit's end is told."""
    unit = await running_by_token(world)
    for _ in range(10):
        await getattr(world.stops, verb)(unit)
        assert (await _dead(world, unit)).stop_cause is StopCause.OWN_JOB
        await world.start_by_human(unit)


async def test_a_stop_has_its_full_grace(world):
    """It is queued, and the process may take its time."""
    unit = await running_by_token(world, "stubborn")
    await world.stops.stop(unit)
    state = await world.state(unit)
    assert (state.active, state.job) == (ActiveState.DEACTIVATING, "stop")
    assert state.has_process
    await world.stops.kill_now(unit)
    assert (await _dead(world, unit)).stop_cause is StopCause.OWN_JOB


@pytest.mark.parametrize("kind", ["stubborn", "family"])
async def test_a_kill_ends_every_process_at_once(world, kind):
    """Deaf ones, and children in sessions of their own."""
    unit = await running_by_token(world, kind)
    await world.stops.kill_now(unit)
    state = await _dead(world, unit)
    assert (state.active, state.left_over) == (ActiveState.FAILED, False)


@pytest.mark.parametrize("verb", ["stop", "kill_now"])
async def test_a_queued_start_is_cancelled(world, verb):
    """It never runs, and that it was wanted is forgotten."""
    unit = await world.managed()
    await world.tokens.grant(unit, world.now_s + 300)
    await world.queue_start(unit)
    await getattr(world.stops, verb)(unit)
    state = await _dead(world, unit)
    assert (state.active, state.invocation_id) == (ActiveState.INACTIVE, "")


async def test_a_humans_stop_stays_a_humans(world):
    """Although this daemon asks for the same meanwhile: one job carries both wishes."""
    unit = await running_by_token(world, "stubborn")
    await world.begin_stubborn_stop(unit)

    async def is_stopping():
        return (await world.state(unit)).active is ActiveState.DEACTIVATING

    await world.until(is_stopping)
    await world.stops.kill_now(unit)
    assert (await _dead(world, unit)).stop_cause is StopCause.FOREIGN_JOB


@pytest.mark.parametrize("verb", ["stop", "kill_now"])
async def test_what_is_dead_stays_as_it_is(world, verb):
    """No error, and why it is dead is not forgotten."""
    unit = await world.managed()
    await getattr(world.stops, verb)(unit)
    assert (await _dead(world, unit)).stop_cause is StopCause.NEVER_RAN
    await world.tokens.grant(unit, world.now_s + 300)
    await world.start_by_human(unit)
    await world.kill(unit)
    await getattr(world.stops, verb)(unit)
    assert (await _dead(world, unit)).stop_cause is StopCause.BY_ITSELF


async def test_what_systemd_does_not_know_is_no_error(world):
    """Nothing of it runs."""
    await world.managed()
    await world.stops.stop("contract-nobody@wrote-it.service")
    await world.stops.kill_now("contract-nobody@wrote-it.service")


async def test_who_gives_up_waiting_is_served_all_the_same(world):
    """The kill follows the stop although nobody waits."""
    unit = await running_by_token(world, "stubborn")
    asked = asyncio.ensure_future(world.stops.kill_now(unit))
    await asyncio.sleep(0)
    asked.cancel()
    assert (await _dead(world, unit)).active is ActiveState.FAILED


async def test_it_is_not_down_for_good_on_a_machine_that_runs(world):
    """Whether it is dead or not."""
    unit = await running_by_token(world)
    assert not await world.stops.is_down_for_good(unit)
    await world.stops.kill_now(unit)
    await _dead(world, unit)
    assert not await world.stops.is_down_for_good(unit)


async def test_without_a_bus_nothing_is_asked_for(world):
    """That is a refusal: it certainly did not happen."""
    unit = await running_by_token(world, "stubborn")
    await world.lose_bus()

    async def is_refused():
        try:
            await world.stops.kill_now(unit)
        except ActionRefusedError as error:
            return "bus" in str(error)
        except Exception:  # noqa: BLE001 - the bus is on its way down
            return False
        return False

    await world.until(is_refused)
    await world.find_bus()
