"""Everything together: tables in, every receiver told over real HTTP, a bad one delaying none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contracts.notifier_worlds import apprise_ended
from contracts.stand_ins.receiver import ReceiverStandIn
from contracts.waiting import until
from fakes.notifier import event
from nova_watchdog.adapters.alertmanager import AlertmanagerPeer
from nova_watchdog.adapters.clock import SystemClock
from nova_watchdog.config.errors import Findings
from nova_watchdog.config.notify import read_notify
from nova_watchdog.config.settings import NotifySettings
from nova_watchdog.core.events import Severity
from nova_watchdog.receivers import Closer, receivers_of
from nova_watchdog.runtime.notify import Dispatcher

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

NAMES = ("am1", "am2", "pagerduty", "apprise")


class Site:
    """Four receivers, and a dispatcher as the daemon makes it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.servers = {name: ReceiverStandIn() for name in NAMES}
        self.closers: list[Closer] = []
        self.dispatcher: Dispatcher
        self._task: asyncio.Task[None]

    async def start(self) -> None:
        for server in self.servers.values():
            await server.start()
        receivers = receivers_of(
            self._settings(), SystemClock(), self.closers, link="http://ctl1.example.com:9743/"
        )
        self.dispatcher = Dispatcher(receivers, SystemClock(), lambda: 1.0)
        self._task = asyncio.create_task(self.dispatcher.run())

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.wait((self._task,))
        for close in self.closers:
            await close()
        for server in self.servers.values():
            server.let_go()
        await apprise_ended()
        for server in self.servers.values():
            await server.stop()

    def taken(self, name: str) -> int:
        return len(self.servers[name].taken)

    def snapshot(self, start: str):
        return next(one for one in self.dispatcher.snapshots() if one.name.startswith(start))

    def _settings(self) -> NotifySettings:
        (self.folder / "key").write_text("0123456789abcdef0123456789abcdef")
        (self.folder / "token").write_text("the-token")
        (self.folder / "urls").write_text(self.servers["apprise"].url.replace("http", "json"))
        tables = {
            "runbook_base_url": "https://wiki.example.com/runbooks",
            "alertmanager": [
                {"url": self.servers["am1"].url, "least_firing_s": 0},
                {
                    "url": self.servers["am2"].url,
                    "least_firing_s": 0,
                    "bearer_token_file": f"{self.folder}/token",
                },
            ],
            "pagerduty": {
                "routing_key_file": f"{self.folder}/key",
                "url": f"{self.servers['pagerduty'].url}/v2/enqueue",
                "min_severity": "critical",
            },
            "apprise": {"urls_file": f"{self.folder}/urls"},
        }
        findings = Findings()
        settings = read_notify(Path("nova-watchdog.toml"), tables, findings)
        assert findings.mistakes == []
        return settings


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    made = Site(tmp_path)
    await made.start()
    yield made
    await made.stop()


async def test_every_receiver_is_told_with_what_the_configuration_says(site: Site) -> None:
    """Account, runbook, address of the daemon."""
    site.dispatcher.tell([event("a", Severity.CRITICAL)])
    await until(lambda: all(site.taken(name) == 1 for name in NAMES))
    assert "Authorization" not in site.servers["am1"].taken[0].headers
    second = site.servers["am2"].taken[0]
    assert second.headers["Authorization"] == "Bearer the-token"
    (alert,) = second.body
    assert alert["annotations"]["runbook_url"] == "https://wiki.example.com/runbooks/WatchdogActed.md"
    assert alert["generatorURL"] == "http://ctl1.example.com:9743/"
    paged = site.servers["pagerduty"].taken[0].body
    assert paged["client_url"] == "http://ctl1.example.com:9743/"
    assert [one.name.split(" ")[0] for one in site.dispatcher.snapshots()] == [
        "alertmanager",
        "alertmanager",
        "pagerduty",
        "apprise",
    ]


async def test_each_gets_only_what_is_severe_enough_for_it(site: Site) -> None:
    """Alertmanager gets everything and routes by itself."""
    site.dispatcher.tell([event("i", Severity.INFO), event("w", Severity.WARNING)])
    site.dispatcher.tell([event("c", Severity.CRITICAL)])
    await until(lambda: site.taken("apprise") == 2 and site.taken("pagerduty") == 1)
    assert site.servers["pagerduty"].taken[0].body["dedup_key"].endswith("/c")
    assert len(site.servers["am1"].taken[0].body) == 3


async def test_receivers_that_hang_reset_or_refuse_delay_no_other(site: Site) -> None:
    """And get everything once they are back."""
    site.servers["am1"].hangs = True
    site.servers["pagerduty"].resets = True
    site.servers["apprise"].answer(429, Retry_After="1")
    site.dispatcher.tell([event("a", Severity.CRITICAL)])
    await until(lambda: site.taken("am2") == 1)
    site.dispatcher.tell([event("a", Severity.CRITICAL, over=True)])
    await until(lambda: site.taken("am2") == 2)
    await until(lambda: site.snapshot("pagerduty").failures and site.snapshot("apprise").failures)
    assert [site.taken(name) for name in NAMES] == [0, 2, 0, 0]
    assert site.snapshot("apprise").queued == 1
    site.servers["pagerduty"].resets = False
    site.servers["apprise"].answer(200)
    await until(lambda: site.taken("pagerduty") == site.taken("apprise") == 2)
    actions = [got.body["event_action"] for got in site.servers["pagerduty"].taken]
    assert actions == ["trigger", "resolve"]
    assert (site.snapshot("pagerduty").queued, site.snapshot("pagerduty").problem) == (0, "")


async def test_a_refused_alert_costs_no_other_one(site: Site) -> None:
    """Alertmanager answers 400 to a whole batch for one of them."""
    site.servers["am1"].refused_text = "bad"
    site.dispatcher.tell([event("bad"), event("good"), event("fine")])
    await until(lambda: site.snapshot("alertmanager").dropped == 1)
    await until(lambda: site.taken("am1") == 2)
    keys = [alert["labels"]["key"] for got in site.servers["am1"].taken for alert in got.body]
    assert keys == ["good", "fine"]


def test_an_account_is_a_basic_header_and_nobody_is_told_by_default(tmp_path: Path) -> None:
    """Names show where, without the scheme."""
    (tmp_path / "password").write_text("secret")
    table = {"url": "https://am.example.com/am", "username": "w", "password_file": f"{tmp_path}/password"}
    findings = Findings()
    settings = read_notify(Path("nova-watchdog.toml"), {"alertmanager": [table]}, findings)
    (receiver,) = receivers_of(settings, SystemClock(), [])
    assert receiver.name == "alertmanager am.example.com/am"
    assert isinstance(receiver.notifier, AlertmanagerPeer)
    assert receiver.notifier._authorization() == "Basic dzpzZWNyZXQ="
    assert receivers_of(NotifySettings(), SystemClock(), []) == []
