"""The contract of the start tokens, on the simulation and with the real start condition on a real systemd."""

from __future__ import annotations

import pytest

from nova_watchdog.ports import ActionRefusedError


@pytest.fixture
def world(holding_world):
    return holding_world


async def test_without_a_token_it_is_not_started(world):
    """The unit has not failed, and its journal says why."""
    unit = await world.managed()
    await world.start_by_human(unit)
    state = await world.state(unit)
    assert state.is_down
    assert state.result != "failed"
    assert "no token" in await world.why_refused(unit)


async def test_with_a_token_it_is_started(world):
    """By anybody."""
    unit = await world.managed()
    await world.tokens.grant(unit, world.now_s + 300)
    await world.start_by_human(unit)
    assert (await world.state(unit)).runs


async def test_a_token_of_another_unit_does_not_help(world):
    """Each pairing is held for itself."""
    unit, other = await world.managed(), await world.managed()
    await world.tokens.grant(other, world.now_s + 300)
    await world.start_by_human(unit)
    assert (await world.state(unit)).is_down


async def test_a_token_ends_by_itself(world):
    """Also where nobody is left to revoke it."""
    unit = await world.managed()
    ends_at_s = world.now_s + 0.5
    await world.tokens.grant(unit, ends_at_s)

    async def has_ended():
        return world.now_s >= ends_at_s

    await world.until(has_ended)
    await world.start_by_human(unit)
    assert (await world.state(unit)).is_down
    assert "ended" in await world.why_refused(unit)


async def test_the_latest_grant_counts(world):
    """Longer or shorter than the one before."""
    unit = await world.managed()
    await world.tokens.grant(unit, world.now_s - 1)
    await world.tokens.grant(unit, world.now_s + 300)
    await world.start_by_human(unit)
    assert (await world.state(unit)).runs


async def test_a_revoked_token_starts_nothing(world):
    """Revoking what is not there is no error."""
    unit = await world.managed()
    await world.tokens.revoke(unit)
    await world.tokens.grant(unit, world.now_s + 300)
    await world.tokens.revoke(unit)
    await world.tokens.revoke(unit)
    assert await world.token_names() == []
    await world.start_by_human(unit)
    assert (await world.state(unit)).is_down


async def test_tokens_that_cannot_be_written_or_removed_are_refused(world):
    """/run is broken: whoever waits for the token must know."""
    unit = await world.managed()
    await world.break_tokens()
    with pytest.raises(ActionRefusedError):
        await world.tokens.grant(unit, world.now_s + 300)
    with pytest.raises(ActionRefusedError):
        await world.tokens.revoke(unit)
