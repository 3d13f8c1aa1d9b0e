"""How the Nova adapter reads hypervisors and builds: pages, ages, and answers that are not quite lists."""

from __future__ import annotations

import pytest

from contracts.nova_worlds import SHORT_S, StandInWorld
from contracts.waiting import PATIENCE_S
from nova_watchdog.core.model import HostLoad
from nova_watchdog.ports import ProbeError

HOST = "vcenter-cluster-a"


@pytest.fixture
async def world(tmp_path):
    made = await StandInWorld(tmp_path).open()
    yield made
    await made.close()


def _asked(world):
    """The requests since the last `clear`, without the login's."""
    return [path for _, path, version in world.server.requests if version]


async def test_a_workload_is_one_request_for_hypervisors_and_one_for_builds(world):
    """However many hosts there are, and below microversion 2.88, which tells no number of instances."""
    await world.port.read()
    world.server.requests.clear()
    await world.port.workload()
    assert [(path.split("?")[0], version) for _, path, version in world.server.requests] == [
        ("/compute/v2.1/servers/detail", "compute 2.53"),
        ("/compute/v2.1/os-hypervisors/detail", "compute 2.53"),
    ]
    assert world.server.logins == 1


async def test_all_pages_are_read(world):
    """Three pages of each; the last one is empty."""
    nodes = ("domain-c7.uuid", "domain-c8.uuid", "domain-c9.uuid")
    load = HostLoad(instances=3, nodes=nodes, builds_s=(30.0, 20.0, 10.0, 5.0))
    world.nova.set_load(HOST, load)
    world.server.page_length = 2
    assert (await world.port.workload()).hosts[HOST] == load
    markers = [path.partition("marker=")[2] for path in _asked(world)]
    assert markers == ["", "server-1", "server-3", "", "node-domain-c8.uuid", "node-domain-c2.uuid"]


async def test_a_flood_of_builds_is_cut_off_after_five_pages(world):
    """The oldest were asked for first."""
    world.nova.set_load(HOST, HostLoad(0, ("domain-c1.uuid",), tuple(float(age) for age in range(99, 0, -1))))
    world.server.page_length = 10
    assert len((await world.port.workload()).hosts[HOST].builds_s) == 50
    assert "sort_key=created_at&sort_dir=asc" in _asked(world)[0]


async def test_a_list_without_an_end_is_a_failed_probe(world):
    """Half a list of hypervisors would be hosts without a load."""
    world.nova.set_load(HOST, HostLoad(0, tuple(f"domain-c{number}.uuid" for number in range(40))))
    world.server.page_length = 1
    with pytest.raises(ProbeError, match="hypervisors has no end"):
        await world.port.workload()


async def test_a_build_without_a_host_is_nobodys(world):
    """The scheduler has not placed it, or cannot."""
    world.server.homeless_builds = 3
    assert all(not load.builds_s for load in (await world.port.workload()).hosts.values())


async def test_a_build_younger_than_the_answer_has_no_negative_age(world):
    """Nova's API and its database may be on machines whose clocks differ a little."""
    world.nova.set_load(HOST, HostLoad(0, ("domain-c1.uuid",), (-2.0,)))
    assert (await world.port.workload()).hosts[HOST].builds_s == (0.0,)


@pytest.mark.parametrize("date", ["", "yesterday", "Tue, 06 May 2031 07:08:09 -0000"])
async def test_builds_without_a_date_of_the_answer_are_a_failed_probe(world, date):
    """This machine's clock is no substitute."""
    world.nova.set_load(HOST, HostLoad(0, ("domain-c1.uuid",), (7.0,)))
    world.server.date = date
    with pytest.raises(ProbeError, match="not a list as documented"):
        await world.port.workload()


@pytest.mark.parametrize(
    "body",
    [
        *("", "no json", "[]", "{}", "7", '{"servers": 7}', '{"servers": [7]}'),
        '{"servers": [], "hypervisors": 7}',
        '{"servers": [], "hypervisors": [{}]}',
        '{"servers": [], "hypervisors": [{"service": 7}]}',
        '{"servers": [], "hypervisors": [{"service": {"host": "h"}, "hypervisor_hostname": "n"}]}',
        '{"servers": [{"OS-EXT-SRV-ATTR:host": "h", "updated": 7}], "hypervisors": []}',
        '{"servers": [{}], "servers_links": [{"rel": "next"}]}',
        '{"servers": [], "servers_links": 7}',
    ],
)
async def test_an_answer_that_is_no_list_is_a_failed_probe(world, body):
    """Rather that than an empty cloud, or the daemon's end."""
    world.server.body = body
    with pytest.raises(ProbeError, match="not a list as documented"):
        await world.port.workload()


@pytest.mark.parametrize("status", [403, 500])
async def test_each_http_error_is_a_failed_probe(world, status):
    """403: the account may read services and not servers of others; 500: what Nova says with a cell down."""
    world.server.get_status = status
    with pytest.raises(ProbeError, match=f"HTTP {status}"):
        await world.port.workload()


async def test_a_silent_nova_is_a_failed_probe_and_delays_no_read(tmp_path):
    """Services have a thread of their own."""
    world = await StandInWorld(tmp_path, timeout_s=PATIENCE_S).open()
    await world.port.read()
    world.port._timeout_s = SHORT_S
    world.server.silent_path = "/servers/detail"
    with pytest.raises(ProbeError, match="no answer"):
        await world.port.workload()
    world.port._timeout_s = PATIENCE_S
    assert HOST in (await world.port.read()).computes
    await world.close()


async def test_credentials_refused_to_one_thread_are_not_sent_by_the_other(world):
    """One attempt for the account, whoever makes it."""
    world.clouds_file.write_text(world.clouds_file.read_text().replace("the-right-one", "wrong"))
    for ask in (world.port.read, world.port.workload, world.port.read):
        with pytest.raises(ProbeError, match="refused the credentials"):
            await ask()
    assert world.server.logins == 1
