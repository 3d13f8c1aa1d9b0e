"""Each notifier with the receiver behind it, for the contract suite."""

from __future__ import annotations

import threading
from typing import Any

from contracts.stand_ins.receiver import ReceiverStandIn
from contracts.waiting import until
from fakes.clock import FakeClock
from fakes.notifier import FakeNotifier
from nova_watchdog.adapters.alertmanager import AlertmanagerPeer
from nova_watchdog.adapters.apprise_notifier import AppriseNotifier
from nova_watchdog.adapters.pagerduty import PagerDuty
from nova_watchdog.ports import Notifier, NotifyError

ROUTING_KEY = "0123456789abcdef0123456789abcdef"


def runbook_url(name: str) -> str:
    return f"https://wiki.example.com/{name}.md"


async def apprise_ended() -> None:
    """Its thread ends after its current call, and the server must not end before that."""
    await until(lambda: not any(one.name == "apprise" for one in threading.enumerate()))


class FakeWorld:
    """The fake that the runtime's tests use."""

    def __init__(self) -> None:
        self.port: Notifier = FakeNotifier()

    async def start(self) -> None:
        """Nothing to start."""

    async def close(self) -> None:
        """Nothing to close."""

    def fail(self) -> None:
        self._fake.error = NotifyError("HTTP 500")

    def mend(self) -> None:
        self._fake.error = None

    def told(self) -> list[str]:
        return [one[0] for one in self._fake.told]

    @property
    def _fake(self) -> FakeNotifier:
        assert isinstance(self.port, FakeNotifier)
        return self.port


class HttpWorld:
    """A notifier of the daemon, and a server that records what it sends."""

    port: Any

    def __init__(self) -> None:
        self.server = ReceiverStandIn()

    async def start(self) -> None:
        await self.server.start()
        self.port = self.make(self.server.url)

    async def close(self) -> None:
        await self.port.close()
        await self.server.stop()

    def fail(self) -> None:
        self.server.answer(500, "no space left")

    def mend(self) -> None:
        self.server.answer(200)

    def told(self) -> list[str]:
        return [sign for got in self.server.taken for sign in self.signs(got.body)]

    def make(self, url: str) -> Notifier:
        raise NotImplementedError

    def signs(self, body: Any) -> list[str]:
        """`+` for each beginning in the request, `-` for each end."""
        raise NotImplementedError


class AlertmanagerWorld(HttpWorld):
    def make(self, url: str) -> AlertmanagerPeer:
        self.clock = FakeClock()
        return AlertmanagerPeer(url, self.clock, resend_s=60, runbook_url=runbook_url)

    def signs(self, body: Any) -> list[str]:
        far = "2027-01-15T08:04:00.000+00:00"  # four times 60 s after the fake clock's time
        return ["+" if alert["endsAt"] == far else "-" for alert in body]


class PagerDutyWorld(HttpWorld):
    def make(self, url: str) -> PagerDuty:
        return PagerDuty(f"{url}/v2/enqueue", lambda: ROUTING_KEY, FakeClock(), runbook_url=runbook_url)

    def mend(self) -> None:
        self.server.answer(202)

    def signs(self, body: Any) -> list[str]:
        return [{"trigger": "+", "resolve": "-"}[body["event_action"]]]


class AppriseWorld(HttpWorld):
    def make(self, url: str) -> AppriseNotifier:
        self.urls = [url.replace("http://", "json://") + "/hook-token"]
        return AppriseNotifier(lambda: self.urls, runbook_url)

    def signs(self, body: Any) -> list[str]:
        return ["-" if body["type"] == "success" else "+"]

    async def close(self) -> None:
        await self.port.close()
        self.server.let_go()
        await apprise_ended()
        await super().close()


WORLDS: dict[str, type[FakeWorld | HttpWorld]] = {
    "fake": FakeWorld,
    "alertmanager": AlertmanagerWorld,
    "pagerduty": PagerDutyWorld,
    "apprise": AppriseWorld,
}
