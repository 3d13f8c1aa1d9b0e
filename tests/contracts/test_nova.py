"""The contract of Nova's services, on the fake and on the adapter (against a stand-in for the cloud)."""

from __future__ import annotations

import pytest

from contracts.nova_worlds import FakeWorld, StandInWorld
from nova_watchdog.core.model import DRIVER_DISABLED_REASON, HostLoad
from nova_watchdog.ports import ActionRefusedError, ProbeError, ResultUnknownError

HOST = "vcenter-cluster-a"


@pytest.fixture(params=["fake", "adapter"])
async def world(request, tmp_path):
    made = FakeWorld() if request.param == "fake" else await StandInWorld(tmp_path).open()
    yield made
    await made.close()


async def test_a_read_shows_every_nova_compute(world):
    """By host, and nothing that is no nova-compute."""
    view = await world.port.read()
    assert set(view.computes) == {"vcenter-cluster-a", "vcenter-cluster-b"}
    assert view.computes[HOST] == world.nova.record(HOST)


async def test_a_read_counts_the_conductors(world):
    """Those that Nova counts as up, and all."""
    world.nova.conductors_up = 1
    view = await world.port.read()
    assert (view.conductors_up, view.conductors) == (1, 2)


async def test_a_heartbeat_shows_as_another_updated_at(world):
    """The text changes with each heartbeat, and only then."""
    first = (await world.port.read()).computes[HOST].updated_at
    assert (await world.port.read()).computes[HOST].updated_at == first
    world.nova.beat(HOST)
    assert (await world.port.read()).computes[HOST].updated_at != first


async def test_a_disabled_service_shows_its_reason(world):
    """Disabled by the driver, down, or forced down: each shows."""
    world.nova.disable_by_driver(HOST)
    world.nova.go_down(HOST)
    record = (await world.port.read()).computes[HOST]
    assert (record.disabled, record.disabled_reason, record.up) == (True, DRIVER_DISABLED_REASON, False)
    world.nova.force_down(HOST)
    assert (await world.port.read()).computes[HOST].forced_down


async def test_the_drivers_own_enabling_leaves_the_reason_behind(world):
    """So `disabled` must be judged, never the reason alone."""
    world.nova.disable_by_driver(HOST)
    world.nova.enable_by_driver(HOST)
    record = (await world.port.read()).computes[HOST]
    assert (record.disabled, record.disabled_reason) == (False, DRIVER_DISABLED_REASON)


async def test_a_record_that_is_gone_is_absent(world):
    """Deleted: neither shown nor said to be hidden."""
    world.nova.remove(HOST)
    view = await world.port.read()
    assert HOST not in view.computes
    assert not view.hidden


async def test_a_record_whose_cell_is_down_is_hidden_and_hides_no_other(world):
    """Nova knows of it and cannot read it, which is not the same as gone."""
    world.nova.hide(HOST)
    view = await world.port.read()
    assert set(view.computes) == {"vcenter-cluster-b"}
    assert view.hidden == {HOST}
    world.nova.hide(HOST, hidden=False)
    view = await world.port.read()
    assert HOST in view.computes
    assert not view.hidden


async def test_an_api_without_an_answer_is_a_failed_probe(world):
    """Never an empty list, and it works again afterwards."""
    world.fail()
    with pytest.raises(ProbeError, match="503"):
        await world.port.read()
    world.heal()
    assert HOST in (await world.port.read()).computes


async def test_a_workload_shows_instances_nodes_and_builds_by_host(world):
    """The longest build first; a host with nothing behind it is there as well."""
    load = HostLoad(instances=7, nodes=("domain-c8.uuid-1", "domain-c9.uuid-1"), builds_s=(900.0, 30.0))
    world.nova.set_load(HOST, load)
    view = await world.port.workload()
    assert view.hosts[HOST] == load
    assert view.hosts["vcenter-cluster-b"] == world.nova.load("vcenter-cluster-b")
    assert view.hosts["vcenter-cluster-b"].builds_s == ()


async def test_a_workload_without_an_answer_is_a_failed_probe(world):
    """Never an empty cloud, and it works again afterwards."""
    world.fail()
    with pytest.raises(ProbeError, match="503"):
        await world.port.workload()
    world.heal()
    assert HOST in (await world.port.workload()).hosts


async def test_enable_enables_what_is_disabled_with_that_reason(world):
    """The one case in which it acts."""
    world.nova.disable_by_driver(HOST)
    await world.port.enable(HOST, only_if_reason=DRIVER_DISABLED_REASON)
    assert not world.nova.record(HOST).disabled
    assert world.nova.enabled == [HOST]


@pytest.mark.parametrize(
    "case", ["enabled", "by an operator", "forced down", "gone", "hidden", "another reason"]
)
async def test_enable_refuses_everything_else(world, case):
    """An operator's wish, a service that is enabled already, one that is forced down or gone."""
    if case == "by an operator":
        world.nova.disable_by_operator(HOST)
    elif case == "another reason":
        world.nova.disable_by_operator(HOST, DRIVER_DISABLED_REASON + " ")
    elif case == "forced down":
        world.nova.disable_by_driver(HOST)
        world.nova.force_down(HOST)
    elif case == "hidden":
        world.nova.disable_by_driver(HOST)
        world.nova.hide(HOST)
    elif case == "gone":
        world.nova.remove(HOST)
    with pytest.raises(ActionRefusedError, match=HOST):
        await world.port.enable(HOST, only_if_reason=DRIVER_DISABLED_REASON)
    assert world.nova.enabled == []


async def test_enable_that_cannot_read_the_record_does_nothing(world):
    """Without the record there is no telling whose wish the disable is."""
    world.nova.disable_by_driver(HOST)
    world.fail()
    with pytest.raises(ActionRefusedError, match="cannot be read"):
        await world.port.enable(HOST, only_if_reason=DRIVER_DISABLED_REASON)
    assert world.nova.enabled == []


async def test_enable_without_an_answer_is_an_unknown_result(world):
    """It may have happened: neither done nor failed."""
    world.nova.disable_by_driver(HOST)
    world.lose_answers()
    with pytest.raises(ResultUnknownError, match=HOST):
        await world.port.enable(HOST, only_if_reason=DRIVER_DISABLED_REASON)
