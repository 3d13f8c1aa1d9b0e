"""What the vCenter adapter makes of a vCenter that is silent, slow, broken, or not the one it should be."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from pathlib import Path

import pytest

from contracts.vcenter_worlds import CLUSTERS, SHORT_S, SimulatorWorld
from contracts.waiting import PATIENCE_S
from lab.vcsim.process import ADDRESS, PASSWORD, USER
from nova_watchdog.adapters.clock import SystemClock
from nova_watchdog.adapters.vcenter import PyvmomiVCenter
from nova_watchdog.core.model import VCenterOutcome

pytestmark = pytest.mark.lab


@pytest.fixture
async def world(vcenter):
    made = SimulatorWorld(vcenter)
    yield made
    await made.close()


@pytest.fixture
async def impatient(vcenter):
    """A world whose port gives up soon: reads that must succeed are tried until they do."""
    made = SimulatorWorld(vcenter, timeout_s=SHORT_S)
    yield made
    await made.close()


async def _unreachable(world):
    began = time.monotonic()
    view = await world.port.read()
    assert view.outcome is VCenterOutcome.UNREACHABLE
    assert time.monotonic() - began < 20  # the silence has no end
    return view.detail


async def _eventually_ok(world):
    async with asyncio.timeout(PATIENCE_S):
        while (await world.port.read()).outcome is not VCenterOutcome.OK:  # noqa: ASYNC110 - a read is what tells
            await asyncio.sleep(0.05)


async def test_a_read_is_one_request_once_logged_in(world):
    """The canary costs vCenter one property read."""
    await world.port.read()
    world.requests()
    await world.port.read()
    assert world.requests() == ["RetrievePropertiesEx"]


async def test_a_silent_vcenter_is_unreachable_within_the_deadline(impatient):
    """It accepts and never answers, with a session and without one."""
    for _ in range(2):
        impatient.vcenter.fault("silent")
        assert "no answer" in await _unreachable(impatient)
        impatient.restore()
        await _eventually_ok(impatient)


async def test_a_failing_web_server_is_unreachable(world):
    """HTTP 503, as vCenter's proxy says it while its services start."""
    await world.port.read()
    world.vcenter.fault("status503")
    assert "503" in await _unreachable(world)


async def test_a_vcenter_slower_than_the_deadline_is_unreachable(impatient):
    """And a slow one within the deadline is not."""
    await _eventually_ok(impatient)
    impatient.vcenter.fault("slow", delay="60s")
    assert "no answer" in await _unreachable(impatient)
    impatient.vcenter.fault("slow", delay="500ms")
    await _eventually_ok(impatient)


async def test_a_certificate_of_another_authority_is_unreachable_and_says_so(world):
    """TLS is verified as nova's configuration says."""
    port = PyvmomiVCenter(
        ADDRESS,
        world.vcenter.port,
        USER,
        lambda: PASSWORD,
        CLUSTERS,
        ca_file=None,
        insecure=False,
        timeout_s=PATIENCE_S,
        clock=SystemClock(),
    )
    view = await port.read()
    await port.close()
    assert view.outcome is VCenterOutcome.UNREACHABLE
    assert "certificate does not verify" in view.detail
    assert "Login" not in world.requests()


async def test_insecure_trusts_every_certificate(world):
    """`[vmware] insecure`."""
    port = PyvmomiVCenter(
        ADDRESS,
        world.vcenter.port,
        USER,
        lambda: PASSWORD,
        CLUSTERS,
        ca_file=None,
        insecure=True,
        timeout_s=PATIENCE_S,
        clock=SystemClock(),
    )
    assert (await port.read()).outcome is VCenterOutcome.OK
    await port.close()


async def test_a_refused_password_is_tried_again_after_half_an_hour(world):
    """The account may have been unlocked, or the password changed on vCenter's side."""
    await world.port.read()
    world.vcenter.fault("wrong-password")
    world.drop_sessions()
    assert (await world.port.read()).outcome is VCenterOutcome.LOGIN_REFUSED
    world.restore()
    await world.clock.advance(1799)
    view = await world.port.read()
    assert view.outcome is VCenterOutcome.LOGIN_REFUSED
    assert "not tried again until the password changes" in view.detail
    await world.clock.advance(2)
    assert (await world.port.read()).outcome is VCenterOutcome.OK


async def test_the_next_daemon_does_not_repeat_a_refused_login(vcenter, tmp_path):
    """One login at vCenter, in both their lives."""
    refused = []
    for _ in range(2):
        world = SimulatorWorld(vcenter, memory_file=tmp_path / "vcenter-logins.json")
        world.use_wrong_password()
        assert (await world.port.read()).outcome is VCenterOutcome.LOGIN_REFUSED
        refused.append(world.logins())
        await world.close()
    assert refused == [1, 0]


async def test_the_account_logs_out_at_the_end(world):
    """No session is left behind by a clean end."""
    await world.port.read()
    assert len(_sessions(world)) == 1
    await world.port.close()
    assert _sessions(world) == []


def _sessions(world):
    return [
        one for one in world.vcenter.control("GET", "/sessions")[1] if "nova-watchdog" in one["userAgent"]
    ]


async def test_the_end_does_not_wait_for_a_silent_vcenter(world):
    """A shutdown takes its time from nobody."""
    await world.port.read()
    world.vcenter.fault("silent")
    began = time.monotonic()
    await world.port.close()
    assert time.monotonic() - began < PATIENCE_S / 3  # it would be silent for longer


async def test_a_cluster_that_is_back_is_found_again(world):
    """Gone and back, with the same moid."""
    before = (await world.port.read()).clusters
    world.remove_cluster("DC0_C0")
    assert "DC0_C0" not in (await world.port.read()).clusters
    world.restore()
    assert (await world.port.read()).clusters == before


@pytest.mark.parametrize("fault", ["refused", "status503"])
async def test_memory_and_threads_stay_flat_while_it_fails(world, fault):
    """Two thousand failed reads, hours of them: within 2 MiB and without another thread."""
    await world.port.read()
    world.vcenter.fault(fault)
    for _ in range(200):
        await world.port.read()
    threads, before = set(threading.enumerate()), _rss_kib()
    for _ in range(2000):
        assert (await world.port.read()).outcome is VCenterOutcome.UNREACHABLE
    assert set(threading.enumerate()) <= threads
    assert _rss_kib() - before < 2048


def _rss_kib():
    with contextlib.closing(Path("/proc/self/statm").open()) as file:
        return int(file.read().split()[1]) * 4
