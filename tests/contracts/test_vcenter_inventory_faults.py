"""What the inventory costs a vCenter, and what it makes of one that is odd, huge or not trusted."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from contracts.vcenter_worlds import CLUSTERS, DAY_S, SHORT_S, SimulatorWorld
from contracts.waiting import PATIENCE_S
from lab.vcsim.process import ADDRESS, PASSWORD, SESSION_USER, USER, VCenter
from nova_watchdog.adapters._vcenter_inventory import VCenterInventory, _spellings
from nova_watchdog.adapters._vcenter_sdk import Endpoint, vim
from nova_watchdog.adapters.clock import SystemClock
from nova_watchdog.adapters.vcenter import PyvmomiVCenter
from nova_watchdog.core.model import VCenterOutcome
from nova_watchdog.ports import ProbeError

pytestmark = pytest.mark.lab


@pytest.fixture
async def world(vcenter):
    made = SimulatorWorld(vcenter)
    yield made
    made.restore()
    await made.close()


@pytest.fixture
async def untrusting(vcenter):
    """A world whose vCenter is not verified, as with nova's `[vmware] insecure`."""
    made = SimulatorWorld(vcenter)
    made.port = PyvmomiVCenter(
        ADDRESS,
        vcenter.port,
        USER,
        lambda: PASSWORD,
        CLUSTERS,
        ca_file=None,
        insecure=True,
        timeout_s=PATIENCE_S,
        clock=SystemClock(),
    )
    yield made
    made.restore()
    await made.close()


@pytest.fixture
def huge(vcenter, tmp_path):
    """A vCenter of 64 hosts and 200 datastores in each of its two clusters."""
    for path in vcenter.ca_file.parent.iterdir():
        if path.suffix in (".pem", ".key") or path.name == "password":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    made = VCenter(vcenter._binary, tmp_path, hosts=64, datastores=200)
    made.start()
    yield made
    made.stop()


async def test_an_inspection_is_a_handful_of_calls(world):
    """However many hosts and datastores there are, it asks for none of them by itself."""
    await world.port.read()
    world.requests()
    await world.port.inspect()
    assert world.requests() == [
        "RetrieveServiceContent",
        "RetrievePropertiesEx",
        "CurrentTime",
        "RetrievePropertiesEx",
    ]


async def test_a_huge_vcenter_is_read_in_pages(huge):
    """Two clusters of 64 hosts and 200 datastores: 530 objects, 50 an answer."""
    world = SimulatorWorld(huge)
    await world.port.read()
    world.requests()
    began = time.monotonic()
    view = await world.port.inspect()
    print(f"inspected 2 x (64 hosts, 200 datastores) in {time.monotonic() - began:.1f} s")
    asked = world.requests()
    assert asked.count("ContinueRetrievePropertiesEx") == 10
    assert len(asked) == 14
    for cluster in view.clusters.values():
        assert (cluster.hosts, cluster.connected, len(cluster.datastores)) == (64, 64, 200)
        assert {one.mounted_on for one in cluster.datastores} == {64}
    await world.close()


async def test_a_host_that_is_disconnected_in_maintenance_mode_is_not_counted_twice(world):
    """`in_maintenance` is part of `connected`: the other host can still take instances."""
    world.put_host_into_maintenance("DC0_C0")
    world.disconnect_host("DC0_C0")
    await world.port.read()
    cluster = (await world.port.inspect()).clusters["DC0_C0"]
    assert (cluster.connected, cluster.in_maintenance) == (1, 0)


async def test_a_renamed_cluster_is_not_told_under_its_old_name(world):
    """As the canary sees it: the configured name is gone."""
    await world.port.read()
    world.vcenter.fault("cluster-gone", cluster="DC0_C0", rename="Production")
    assert set((await world.port.inspect()).clusters) == {"DC0_C1"}


async def test_a_silent_vcenter_is_unknown_within_the_deadline(vcenter):
    """And the inventory comes back by itself."""
    world = SimulatorWorld(vcenter, inspect_timeout_s=SHORT_S)
    await world.port.read()
    vcenter.fault("silent")
    began = time.monotonic()
    with pytest.raises(ProbeError, match="no answer"):
        await world.port.inspect()
    assert time.monotonic() - began < 20  # the silence has no end
    vcenter.clear()
    until_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            assert (await world.port.inspect()).clusters
            break
        except ProbeError:
            assert time.monotonic() < until_s
    await world.close()


async def test_an_expired_certificate_is_called_so_by_the_canary(world):
    """Nobody can log in then, so the inventory cannot say it."""
    await world.port.read()
    world.end_certificate_in(-3)
    view = await world.port.read()
    assert view.outcome is VCenterOutcome.UNREACHABLE
    assert view.detail == "the certificate expired 3.0 days ago"
    with pytest.raises(ProbeError):
        await world.port.inspect()
    world.restore()
    assert (await world.port.read()).outcome is VCenterOutcome.OK


async def test_an_expired_certificate_that_nobody_verifies_is_told_by_the_inventory(untrusting):
    """It is over, whether or not this nova minds."""
    untrusting.end_certificate_in(-3)
    assert (await untrusting.port.read()).outcome is VCenterOutcome.OK
    left_s = (await untrusting.port.inspect()).certificate_expires_in_s
    assert -3.1 * DAY_S < left_s <= -3 * DAY_S + 60  # the machine may set its clock back meanwhile


async def test_sessions_of_other_watchdogs_are_not_novas(world):
    """They share the account on every controller; their user agent tells them apart."""
    world.drop_sessions()
    other = SimulatorWorld(world.vcenter)
    await other.port.read()
    world.open_session("python-requests/2.32", idle_s=1)
    await world.port.read()
    agents = [one["userAgent"] for one in world.vcenter.control("GET", "/sessions")[1]]
    assert len(agents) == 3
    assert sum(agent.startswith("nova-watchdog/") for agent in agents) == 2
    assert [one.user_agent for one in (await world.port.inspect()).sessions] == ["python-requests/2.32"]
    await other.close()


@pytest.mark.parametrize(
    ("fault", "is_privilege"), [(vim.fault.NoPermission, True), (vim.fault.NotAuthenticated, False)]
)
def test_a_session_that_ended_meanwhile_is_no_missing_privilege(fault, is_privilege):
    """vSphere makes NotAuthenticated a kind of NoPermission: it must not pass for one."""

    def refuse(**_):
        raise fault

    service = SimpleNamespace(CurrentTime=lambda: None)
    content = SimpleNamespace(
        sessionManager=vim.SessionManager("SessionManager"),
        propertyCollector=SimpleNamespace(RetrievePropertiesEx=refuse),
    )
    endpoint = Endpoint(ADDRESS, 443, None, insecure=False, timeout_s=1)
    inventory = VCenterInventory(endpoint, USER, ticket=lambda: None, clock=SystemClock())
    if is_privilege:
        assert inventory._listed(service, content) == (None, None)
    else:
        with pytest.raises(fault):
            inventory._listed(service, content)


def test_an_account_is_the_same_in_both_of_vcenters_spellings():
    r"""And in any case: vCenter writes DOMAIN\\user for user@domain. No other account is."""
    assert SESSION_USER.casefold() in _spellings(USER)
    assert USER in _spellings(SESSION_USER)
    assert _spellings("Administrator") == {"administrator"}
    assert not _spellings("nova@vsphere.local") & _spellings("nova@example.org")
    assert not _spellings("nova@vsphere.local") & _spellings("nova")


async def test_memory_threads_and_files_stay_flat(world):
    """Three hundred inspections, hours of them: within 2 MiB, without a thread or a descriptor more."""
    await world.port.read()
    for _ in range(100):
        await world.port.inspect()
    threads, files, before = set(threading.enumerate()), _open_files(), _rss_kib()
    for _ in range(300):
        await world.port.inspect()
    assert set(threading.enumerate()) <= threads
    assert _open_files() <= files
    print(f"grew {_rss_kib() - before} KiB")
    assert _rss_kib() - before < 2048


def _open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def _rss_kib():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4
