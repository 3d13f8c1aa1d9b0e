"""Events against a real Alertmanager: fired, seen once, resolved; also what is over at once."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contracts.alertmanager_process import GROUP_WAIT_S, AlertmanagerProcess, free_address
from contracts.stand_ins.receiver import ReceiverStandIn
from contracts.waiting import until
from fakes.notifier import event
from nova_watchdog.adapters.alertmanager import AlertmanagerPeer
from nova_watchdog.adapters.clock import SystemClock
from nova_watchdog.config.errors import Findings
from nova_watchdog.config.notify import read_notify
from nova_watchdog.core.events import Event, Severity
from nova_watchdog.receivers import Closer, receivers_of
from nova_watchdog.runtime.notify import Dispatcher, Receiver
from nova_watchdog.runtime.outbox import Terms

pytestmark = pytest.mark.real


class World:
    """The real part, who it tells, and a peer of ours."""

    def __init__(self, folder: Path) -> None:
        self.webhook = ReceiverStandIn()
        self.folder = folder
        self.peer: AlertmanagerPeer
        self.alertmanager: AlertmanagerProcess

    async def start(self) -> None:
        await self.webhook.start()
        self.alertmanager = AlertmanagerProcess(self.folder, self.webhook.url)
        await self.alertmanager.start()
        self.peer = AlertmanagerPeer(
            self.alertmanager.url,
            SystemClock(),
            resend_s=60,
            runbook_url=lambda name: f"https://wiki.example.com/{name}.md",
            link="http://ctl1.example.com:9743/",
        )

    async def stop(self) -> None:
        await self.peer.close()
        await self.alertmanager.stop()
        await self.webhook.stop()

    @property
    def told(self) -> list[tuple[str, str]]:
        """Status and summary of each alert in each message that went to the webhook."""
        return [
            (alert["status"], alert["annotations"]["summary"])
            for got in self.webhook.taken
            for alert in got.body["alerts"]
        ]

    @asynccontextmanager
    async def dispatcher(self, least_firing_s: float) -> AsyncIterator[Dispatcher]:
        terms = Terms(resend_s=1.0, resolves=3, least_firing_s=least_firing_s)
        dispatcher = Dispatcher([Receiver("am", self.peer, terms, 100)], SystemClock(), lambda: 1.0)
        task = asyncio.create_task(dispatcher.run())
        yield dispatcher
        task.cancel()
        await asyncio.wait((task,))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.start()
    yield made
    await made.stop()


def now(key: str, severity: Severity = Severity.WARNING, **fields: Any) -> Event:
    return replace(event(key, severity), began_wall_s=time.time(), **fields)


def over(one: Event) -> Event:
    return replace(one, ended_wall_s=time.time(), severity=Severity.INFO)


async def _holds(world: World, condition: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    async with asyncio.timeout(30):
        while not condition(found := await world.alertmanager.alerts()):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    return found


async def test_an_event_is_one_alert_with_all_that_a_human_needs(world: World) -> None:
    """However often it is told."""
    one = now("acted/17", Severity.CRITICAL)
    for _ in range(3):
        await world.peer.send([one])
    (alert,) = await _holds(world, lambda found: len(found) == 1)
    assert alert["labels"] == {
        "alertname": "WatchdogActed",
        "pairing": "cluster-a",
        "controller": "ctl1",
        "severity": "critical",
        "key": "acted/17",
    }
    assert alert["annotations"] == {
        "summary": one.summary,
        "description": one.detail,
        "remedy": one.remedy,
        "runbook_url": "https://wiki.example.com/WatchdogActed.md",
    }
    assert alert["generatorURL"] == "http://ctl1.example.com:9743/"


async def test_it_is_told_once_and_its_end_once(world: World) -> None:
    """The dispatcher tells Alertmanager again and again, and Alertmanager tells people once each."""
    async with world.dispatcher(least_firing_s=0) as dispatcher:
        one = now("a", Severity.CRITICAL)
        dispatcher.tell([one])
        await until(lambda: world.told)
        await asyncio.sleep(3)  # told again meanwhile
        dispatcher.tell([over(one)])
        await until(lambda: len(world.told) > 1)
        await asyncio.sleep(3)
    assert world.told == [("firing", "restarted"), ("resolved", "restarted")]
    assert await world.alertmanager.alerts() == []


async def test_what_is_over_at_once_is_told_all_the_same(world: World) -> None:
    """Its end is held back for longer than group_wait, or nobody would hear of it."""
    async with world.dispatcher(least_firing_s=GROUP_WAIT_S + 2) as dispatcher:
        one = now("a")
        dispatcher.tell([one, over(one)])
        await until(lambda: len(world.told) > 1)
    assert world.told == [("firing", "restarted"), ("resolved", "restarted")]


async def test_an_end_alone_tells_nobody(world: World) -> None:
    """Nothing rang: so the end of what an earlier daemon told is safe to tell."""
    await world.peer.send([replace(now("a"), ended_wall_s=time.time())])
    await asyncio.sleep(GROUP_WAIT_S + 2)
    assert world.told == []


async def test_an_alertmanager_that_restarts_is_told_again(world: World) -> None:
    """It forgets its alerts; within `resend_s` it knows them again, and does not tell people twice."""
    async with world.dispatcher(least_firing_s=0) as dispatcher:
        one = now("a")
        dispatcher.tell([one])
        await until(lambda: world.told)
        await world.alertmanager.stop()
        await until(lambda: dispatcher.snapshots()[0].problem)
        await world.alertmanager.start()
        await _holds(world, lambda found: len(found) == 1)
        dispatcher.tell([over(one)])
        await until(lambda: len(world.told) > 1)
    assert world.told == [("firing", "restarted"), ("resolved", "restarted")]


async def test_a_clock_that_is_set_back_leaves_no_alert_ringing(world: World) -> None:
    """It ends, by this controller's clock, an hour before it began."""
    one = replace(now("a"), began_wall_s=time.time() + 3600)
    async with world.dispatcher(least_firing_s=0) as dispatcher:
        dispatcher.tell([one])
        await until(lambda: world.told)
        dispatcher.tell([over(one)])
        await until(lambda: len(world.told) > 1)
        assert dispatcher.snapshots()[0].failures == 0
    assert world.told == [("firing", "restarted"), ("resolved", "restarted")]


async def test_amtool_shows_it(world: World) -> None:
    """As the person on call would look."""
    await world.peer.send([now("a")])
    await _holds(world, lambda found: len(found) == 1)
    command = [
        "amtool",
        f"--alertmanager.url={world.alertmanager.url}",
        "alert",
        "query",
        "pairing=cluster-a",
    ]
    shown = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    assert "WatchdogActed" in shown.stdout
    assert "restarted" in shown.stdout


class Cluster:
    """Two real peers that gossip, one webhook, and a dispatcher as the daemon makes it."""

    def __init__(self, folder: Path) -> None:
        self.webhook = ReceiverStandIn()
        self.folder = folder
        self.peers: list[AlertmanagerProcess] = []
        self.closers: list[Closer] = []
        self.dispatcher: Dispatcher

    async def start(self) -> None:
        await self.webhook.start()
        gossip = [free_address(), free_address()]
        for name, addresses in (("one", gossip), ("two", gossip[::-1])):
            self.peers.append(AlertmanagerProcess(self.folder / name, self.webhook.url, addresses))
            await self.peers[-1].start()
        tables = {
            "resend_s": 10,
            "alertmanager": [{"url": peer.url, "least_firing_s": 0} for peer in self.peers],
        }
        settings = read_notify(Path("nova-watchdog.toml"), tables, Findings())
        receivers = receivers_of(settings, SystemClock(), self.closers)
        self.dispatcher = Dispatcher(receivers, SystemClock(), lambda: 1.0)
        self._task = asyncio.create_task(self.dispatcher.run())

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.wait((self._task,))
        for close in self.closers:
            await close()
        for peer in self.peers:
            await peer.stop()
        await self.webhook.stop()


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    made = Cluster(tmp_path)
    await made.start()
    yield made
    await made.stop()


async def test_a_cluster_of_which_every_peer_is_told_tells_people_once(cluster: Cluster) -> None:
    """And all of it still arrives when one peer is away."""
    one = now("a", Severity.CRITICAL)
    cluster.dispatcher.tell([one])
    await until(lambda: cluster.webhook.taken)
    assert [len(await peer.alerts()) for peer in cluster.peers] == [1, 1]
    await asyncio.sleep(8)  # the other one's turn
    await cluster.peers[0].stop()
    cluster.dispatcher.tell([over(one)])
    await until(lambda: len(cluster.webhook.taken) > 1)
    assert [got.body["status"] for got in cluster.webhook.taken] == ["firing", "resolved"]
