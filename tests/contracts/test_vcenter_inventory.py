"""The contract of a vCenter's inventory, on the fake and on the adapter against govmomi's simulator."""

from __future__ import annotations

import asyncio

import pytest

from contracts.vcenter_worlds import DAY_S, SHORT_S, FakeWorld, SimulatorWorld
from nova_watchdog.core.concerns import NOVA_USER_AGENT
from nova_watchdog.core.model import VCenterOutcome
from nova_watchdog.ports import ProbeError

_NOVA = f"{NOVA_USER_AGENT}/2.32"


@pytest.fixture(params=["fake", pytest.param("simulator", marks=pytest.mark.lab)])
async def world(request):
    simulated = request.param == "simulator"
    made = SimulatorWorld(request.getfixturevalue("vcenter")) if simulated else FakeWorld()
    yield made
    made.restore()
    await made.close()


@pytest.fixture(params=["fake", pytest.param("simulator", marks=pytest.mark.lab)])
async def impatient(request):
    """A world whose inventory, and nothing else, gives up soon."""
    simulated = request.param == "simulator"
    made = (
        SimulatorWorld(request.getfixturevalue("vcenter"), inspect_timeout_s=SHORT_S)
        if simulated
        else FakeWorld()
    )
    yield made
    made.restore()
    await made.close()


async def _inspected(world):
    """Both clusters: the one that is changed, and the one that no fault may touch."""
    assert (await world.port.read()).outcome is VCenterOutcome.OK
    view = await world.port.inspect()
    return view.clusters.get("DC0_C0"), view.clusters["DC0_C1"]


async def test_without_the_canarys_session_there_is_no_inventory(world):
    """It never logs in by itself: a wrong password would be sent twice."""
    with pytest.raises(ProbeError, match="no session yet"):
        await world.port.inspect()
    assert world.logins() == 0


async def test_a_healthy_vcenter_shows_what_its_clusters_have(world):
    """Of the configured clusters alone: DRS, hosts, and datastores that every host mounts."""
    await world.port.read()
    view = await world.port.inspect()
    assert view.instance_uuid == world.uuid
    assert {name: one.moid for name, one in view.clusters.items()} == world.moids
    for cluster in view.clusters.values():
        assert (cluster.drs_enabled, cluster.drs_behavior) == (True, "fullyAutomated")
        assert (cluster.hosts, cluster.connected, cluster.in_maintenance) == (2, 2, 0)
        assert cluster.datastores
        for datastore in cluster.datastores:
            assert (datastore.kind, datastore.mounted_on) == ("vmfs", 2)
            assert datastore.accessible
            assert not datastore.in_maintenance
            assert (datastore.capacity_bytes, datastore.free_bytes) == (1024 * 2**30, 800 * 2**30)


async def test_inspecting_takes_no_session_of_its_own(world):
    """One session a vCenter, however often it is inspected."""
    await world.port.read()
    for _ in range(3):
        await world.port.inspect()
    assert world.logins() == 1


async def test_a_dropped_session_is_for_the_canary_to_replace(world):
    """Until then the inventory is unknown, and no login comes from it."""
    await world.port.read()
    world.drop_sessions()
    with pytest.raises(ProbeError):
        await world.port.inspect()
    assert world.logins() == 1
    await world.port.read()
    assert (await world.port.inspect()).clusters


async def test_a_vcenter_that_is_cut_off_is_unknown_and_told_again_afterwards(world):
    """A failed inspection says nothing about a cluster."""
    await world.port.read()
    world.cut()
    with pytest.raises(ProbeError):
        await world.port.inspect()
    world.restore()
    assert (await world.port.inspect()).clusters


async def test_a_hanging_inventory_delays_no_canary(impatient):
    """The canary goes on as if nothing were; the inventory ends as unknown."""
    await impatient.port.read()
    impatient.hang_inspect()
    inspecting = asyncio.create_task(impatient.port.inspect())
    await asyncio.sleep(0.05)
    meanwhile = 0
    for _ in range(5):
        assert (await impatient.port.read()).outcome is VCenterOutcome.OK
        meanwhile += not inspecting.done()
    assert meanwhile
    impatient.restore()
    with pytest.raises(ProbeError, match="no answer"):
        await inspecting


async def test_switched_off_drs_is_told(world):
    """Of that cluster alone."""
    world.disable_drs("DC0_C0")
    changed, other = await _inspected(world)
    assert (changed.drs_enabled, other.drs_enabled) == (False, True)


async def test_drs_that_only_recommends_is_told_as_vsphere_names_it(world):
    """On, but not fully automated."""
    world.make_drs_manual("DC0_C0")
    changed, other = await _inspected(world)
    assert (changed.drs_enabled, changed.drs_behavior) == (True, "manual")
    assert other.drs_behavior == "fullyAutomated"


async def test_a_disconnected_host_counts_neither_as_connected_nor_as_a_mount(world):
    """What it mounts is not known: a datastore is judged by the hosts that vCenter manages now."""
    world.disconnect_host("DC0_C0")
    changed, other = await _inspected(world)
    assert (changed.hosts, changed.connected) == (2, 1)
    assert {one.mounted_on for one in changed.datastores} == {1}
    assert other.connected == 2


async def test_a_host_in_maintenance_mode_is_connected_all_the_same(world):
    """It is counted by itself."""
    world.put_host_into_maintenance("DC0_C0")
    changed, other = await _inspected(world)
    assert (changed.connected, changed.in_maintenance) == (2, 1)
    assert other.in_maintenance == 0


async def test_a_lost_datastore_is_mounted_nowhere(world):
    """It stays in the list, not accessible."""
    world.lose_datastores("DC0_C0")
    changed, other = await _inspected(world)
    assert [(one.accessible, one.mounted_on) for one in changed.datastores] == [(False, 0)] * len(
        changed.datastores
    )
    assert all(one.accessible and one.mounted_on == 2 for one in other.datastores)


async def test_a_full_datastore_shows_how_little_is_left(world):
    """In bytes, of the capacity that it has."""
    world.fill_datastores("DC0_C0")
    changed, other = await _inspected(world)
    assert all(one.free_bytes == one.capacity_bytes // 50 for one in changed.datastores)
    assert all(one.free_bytes == 800 * 2**30 for one in other.datastores)


async def test_a_datastore_that_one_host_does_not_mount_is_told(world):
    """Accessible, and yet not on every host."""
    world.unshare_datastores("DC0_C0")
    changed, other = await _inspected(world)
    assert all(one.accessible and one.mounted_on == 1 for one in changed.datastores)
    assert all(one.mounted_on == 2 for one in other.datastores)


async def test_a_cluster_that_is_gone_is_missing(world):
    """The others are told as before."""
    world.remove_cluster("DC0_C0")
    changed, other = await _inspected(world)
    assert changed is None
    assert other.hosts == 2


async def test_a_cluster_that_went_since_the_last_canary_is_missing_too(world):
    """The inventory asks by the canary's moid, which means nothing any more."""
    await world.port.read()
    world.remove_cluster("DC0_C0")
    assert set((await world.port.inspect()).clusters) == {"DC0_C1"}


async def test_a_cluster_made_anew_under_its_name_has_another_moid(world):
    """And is told with all it has, by the canary and by the inventory."""
    before, _ = await _inspected(world)
    world.recreate_cluster("DC0_C0")
    view = await world.port.read()
    after, _ = await _inspected(world)
    assert view.clusters["DC0_C0"] == after.moid != before.moid
    assert (after.hosts, after.datastores) == (before.hosts, before.datastores)


async def test_the_end_of_the_certificate_is_told(world):
    """By the wall clock, from the reading on."""
    world.end_certificate_in(9)
    await world.port.read()
    left_s = (await world.port.inspect()).certificate_expires_in_s
    assert 8.9 * DAY_S < left_s <= 9 * DAY_S + 60  # the machine may set its clock back meanwhile


async def test_sessions_of_the_account_are_told_without_our_own(world):
    """Where from, by which program, how many calls, and how long ago the last one was by vCenter's clock."""
    world.drop_sessions()  # whatever another test left behind
    world.open_session(_NOVA, idle_s=300)
    await world.port.read()
    (session,) = (await world.port.inspect()).sessions
    assert (session.ip_address, session.user_agent) == ("127.0.0.1", _NOVA)
    assert 300 <= session.idle_s < 400
    assert session.calls >= 1
    assert 0 <= session.age_s < 100  # it logged in just now, however long ago its last call is said to be


async def test_our_own_session_tells_the_address_that_vcenter_sees_us_come_from(world):
    """It is this controller's, whatever is between: nova's sessions of here come from there too."""
    await world.port.read()
    assert (await world.port.inspect()).own_address == "127.0.0.1"


async def test_without_the_privilege_sessions_are_unknown_and_the_rest_is_not(world):
    """`Sessions.TerminateSession` is more than an account for watching should have."""
    world.deny_sessions()
    await world.port.read()
    view = await world.port.inspect()
    assert view.sessions is None
    assert not view.own_address
    assert set(view.clusters) == {"DC0_C0", "DC0_C1"}
