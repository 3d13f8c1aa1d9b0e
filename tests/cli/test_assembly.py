"""What a reload leaves behind in the process, and what it keeps."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from config.sites import Site
from contracts.waiting import until
from fakes.manager import FakeManager
from fakes.notifier import event
from fakes.store import FakeStore
from fakes.systemd import FakeSystemd
from nova_watchdog.adapters.clock import SystemClock
from nova_watchdog.assembly import Assembly
from nova_watchdog.config.settings import Settings
from nova_watchdog.daemon import Daemon
from nova_watchdog.known_secrets import KnownSecrets
from nova_watchdog.runtime.fleet import Fleet

RECEIVERS = """
[[notify.alertmanager]]
url = "http://localhost:1"
"""


@pytest.fixture
def settings(site: Site) -> Settings:
    """Two pairings and one Alertmanager that refuses."""
    site.append("nova-watchdog.toml", RECEIVERS)
    return site.load()


@pytest.fixture
async def assembly() -> AsyncIterator[Assembly]:
    """Nothing of it runs: it only makes and lets go."""
    clock = SystemClock()
    made = Assembly(clock, FakeStore(), FakeSystemd(clock), Fleet("ctl1", "1", clock, FakeManager()))
    yield made
    for close in made.closers():
        await close()


async def test_a_reload_leaves_no_thread_of_the_old_receivers(assembly: Assembly, settings: Settings) -> None:
    """A daemon that is reloaded by a cron job would otherwise grow by one each time."""
    await assembly.apply(settings)
    before = set(threading.enumerate())
    (delivery,) = assembly.dispatcher._deliveries
    assembly.dispatcher.tell([event()])
    await delivery._send([event()])
    assert assembly.dispatcher.snapshots()[0].failures == 1
    await assembly.apply(settings)
    await until(lambda: set(threading.enumerate()) <= before)
    assert assembly.dispatcher.snapshots()[0].queued == 1, "what was not told yet was lost"


async def test_a_new_threshold_makes_new_loops_that_know_what_the_old_ones_knew(
    assembly: Assembly, settings: Settings
) -> None:
    """Their probes go on."""
    await assembly.apply(settings)
    loops, probes = list(assembly._fleet.loops), list(assembly._fleet.probes)
    await assembly.apply(replace(settings, policy=replace(settings.policy, settle_s=7.0)))
    assert assembly._fleet.probes == probes
    for old, new in zip(loops, assembly._fleet.loops, strict=True):
        assert old is not new
        assert new.memory == old.memory


async def test_a_name_that_now_stands_for_another_process_begins_anew(
    assembly: Assembly, settings: Settings
) -> None:
    """What was seen of the one says nothing of the other."""
    await assembly.apply(settings)
    first = settings.pairings[0]
    old = assembly._fleet.loops[0]
    old.memory = replace(old.memory, heartbeat_at_s=1.0)
    other = replace(first, pairing=replace(first.pairing, unit="nova-compute@other.service"))
    await assembly.apply(replace(settings, pairings=(other, *settings.pairings[1:])))
    assert assembly._fleet.loops[0].memory.heartbeat_at_s is None
    assert assembly._fleet.loops[1].pairing == settings.pairings[1].pairing


async def test_a_reload_that_meets_the_end_for_mended_files_starts_nothing_more(settings: Settings) -> None:
    """Its new tasks would keep a daemon alive that watches nothing."""
    daemon = Daemon(settings, KnownSecrets(), FakeManager())
    daemon._side_tasks = [asyncio.create_task(asyncio.sleep(0))]
    daemon._mended.set()
    async with asyncio.TaskGroup() as group:
        await daemon._reload(group)
        assert all(task.done() for task in daemon._side_tasks)
    assert daemon.snapshot().reloads == {"done": 0, "refused": 0}
    assert not daemon._fleet.loops
