"""The contract of the dead man's switch, on the simulation and on a real systemd."""

from __future__ import annotations

import asyncio

import pytest

from contracts.holding_worlds import fire, running_by_token
from figures import BUSY_MACHINE_S
from nova_watchdog.core.model import ActiveState

SOON_S, LATER_S = 1.0, 300.0


@pytest.fixture
def world(holding_world):
    return holding_world


async def _armed(world, after_s):
    """Arm it; the moment asked for, and how it stands then."""
    at_s = world.now_s + after_s
    await world.deadline.arm(at_s)
    return at_s, await world.deadline.read()


async def test_it_waits_for_no_later_moment(world):
    """By the local monotonic clock."""
    await world.managed()
    assert (await world.deadline.read()).elapses_at_s is None
    at_s, state = await _armed(world, LATER_S)
    assert at_s - 0.002 < state.elapses_at_s <= at_s
    assert (state.serving, state.fired_at_s) == (False, None)


@pytest.mark.parametrize("next_s", [SOON_S, LATER_S, 2 * LATER_S])
async def test_the_next_one_takes_the_place_of_this_one(world, next_s):
    """Later, earlier or the same: one deadline waits."""
    await _armed(world, LATER_S)
    at_s, state = await _armed(world, next_s)
    assert state.elapses_at_s == pytest.approx(at_s, abs=0.2)


async def test_it_never_fires_while_it_is_armed_anew(world):
    """In time each time."""
    unit = await running_by_token(world)
    for _ in range(6):
        await _armed(world, 1.5 * SOON_S)
        until_s = world.now_s + SOON_S / 2

        async def is_later(until_s=until_s):
            return world.now_s >= until_s

        await world.until(is_later)
    _, state = await _armed(world, LATER_S)
    assert state.fired_at_s is None
    assert (await world.state(unit)).runs


@pytest.mark.parametrize("kind", ["obedient", "stubborn", "family"])
async def test_it_takes_the_tokens_and_kills_every_managed_unit(world, kind):
    """However deaf the processes are; nobody can start them again."""
    units = [
        await running_by_token(world, kind),
        await running_by_token(world, "obedient"),
        await world.managed(),
    ]
    at_s = world.now_s + SOON_S
    state = await fire(world, SOON_S)
    assert state.elapses_at_s is None
    assert at_s - 0.01 <= state.fired_at_s < at_s + BUSY_MACHINE_S
    for unit in units:
        shown = await world.state(unit)
        assert shown.is_down
        assert not shown.left_over
    assert await world.token_names() == []
    await world.start_by_human(units[0])
    assert (await world.state(units[0])).is_down


async def test_a_moment_that_has_passed_fires_at_once(world):
    """There is no timer in the past."""
    unit = await running_by_token(world)
    await fire(world, -3.0)
    assert (await world.state(unit)).is_down


async def test_it_can_be_armed_again_after_it_has_fired(world):
    """And still tells when that was."""
    await running_by_token(world)
    fired_at_s = (await fire(world)).fired_at_s
    at_s, state = await _armed(world, LATER_S)
    assert state.elapses_at_s == pytest.approx(at_s, abs=0.2)
    assert (state.serving, state.fired_at_s) == (False, fired_at_s)


async def test_it_cancels_a_start_that_is_queued(world):
    """A kill alone would not."""
    unit = await world.managed()
    await world.tokens.grant(unit, world.now_s + LATER_S)
    await world.queue_start(unit)
    assert (await world.state(unit)).job == "start"
    await fire(world)
    state = await world.state(unit)
    assert (state.active, state.job) == (ActiveState.INACTIVE, None)


async def test_it_ends_a_slow_stop(world):
    """Within its own bound, not within the stop's."""
    unit = await running_by_token(world, "stubborn")
    await world.begin_stubborn_stop(unit)
    assert (await world.state(unit)).active is ActiveState.DEACTIVATING
    await fire(world)
    assert (await world.state(unit)).is_down


async def test_who_gives_up_waiting_has_armed_it_all_the_same(world):
    """The next one waits and the earlier one is gone, although nobody heard of it."""
    await _armed(world, LATER_S)
    at_s = world.now_s + 2 * LATER_S
    asked = asyncio.ensure_future(world.deadline.arm(at_s))
    await asyncio.sleep(0)
    asked.cancel()

    async def is_armed():
        state = await world.deadline.read()
        return state.elapses_at_s == pytest.approx(at_s, abs=0.2)

    await world.until(is_armed)
