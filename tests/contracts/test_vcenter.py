"""The contract of a vCenter, on the fake and on the adapter against govmomi's simulator."""

from __future__ import annotations

import pytest

from contracts.vcenter_worlds import FakeWorld, SimulatorWorld
from nova_watchdog.core.model import VCenterOutcome


@pytest.fixture(params=["fake", pytest.param("simulator", marks=pytest.mark.lab)])
async def world(request):
    simulated = request.param == "simulator"
    made = SimulatorWorld(request.getfixturevalue("vcenter")) if simulated else FakeWorld()
    yield made
    await made.close()


async def test_a_healthy_vcenter_shows_its_clusters(world):
    """Name to moid, of the configured clusters alone, and the vCenter's own id."""
    view = await world.port.read()
    assert view.outcome is VCenterOutcome.OK
    assert view.clusters == world.moids
    assert set(view.clusters) == {"DC0_C0", "DC0_C1"}
    assert view.instance_uuid == world.uuid


async def test_it_logs_in_once(world):
    """One session, however many reads."""
    for _ in range(4):
        assert (await world.port.read()).outcome is VCenterOutcome.OK
    assert world.logins() == 1


async def test_a_dropped_session_is_opened_again_unnoticed(world):
    """vCenter was restarted, or an administrator ended the session."""
    await world.port.read()
    world.drop_sessions()
    assert (await world.port.read()).outcome is VCenterOutcome.OK
    assert world.logins() == 2


async def test_a_cluster_that_is_gone_is_missing(world):
    """The others stay; it is no failure of the probe."""
    before = (await world.port.read()).clusters
    world.remove_cluster("DC0_C0")
    view = await world.port.read()
    assert view.outcome is VCenterOutcome.OK
    assert view.clusters == {"DC0_C1": before["DC0_C1"]}


async def test_a_vcenter_that_is_cut_off_is_unreachable_until_it_is_back(world):
    """With a detail, without clusters, and without a restart of anything."""
    await world.port.read()
    world.cut()
    view = await world.port.read()
    assert view.outcome is VCenterOutcome.UNREACHABLE
    assert "refused" in view.detail
    assert not view.clusters
    world.restore()
    assert (await world.port.read()).outcome is VCenterOutcome.OK


async def test_an_outage_does_not_end_the_session(world):
    """The same session goes on: no heap of sessions after a bad night."""
    await world.port.read()
    world.cut()
    for _ in range(3):
        await world.port.read()
    world.restore()
    await world.port.read()
    assert world.logins() == 1


async def test_a_refused_password_is_sent_once(world):
    """vCenter locks an account after five: the outcome is repeated from memory."""
    world.use_wrong_password()
    for _ in range(4):
        view = await world.port.read()
        assert view.outcome is VCenterOutcome.LOGIN_REFUSED
        assert "InvalidLogin" in view.detail
    assert world.logins() == 1


async def test_a_corrected_password_is_tried_at_once(world):
    """The secret changed, so the refusal says nothing any more."""
    world.use_wrong_password()
    await world.port.read()
    world.use_right_password()
    assert (await world.port.read()).outcome is VCenterOutcome.OK


async def test_a_vcenter_that_is_down_shows_so_while_the_login_is_refused(world):
    """The refusal is remembered, the outage is seen: it says more about what to do."""
    world.use_wrong_password()
    await world.port.read()
    world.cut()
    assert (await world.port.read()).outcome is VCenterOutcome.UNREACHABLE
    world.restore()
