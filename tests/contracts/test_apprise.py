"""apprise as it is installed, over real HTTP: its words, its secrets, its partial failures."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from contracts.notifier_worlds import AppriseWorld, apprise_ended, runbook_url
from contracts.stand_ins.receiver import ReceiverStandIn
from fakes.notifier import event
from nova_watchdog.adapters import apprise_notifier
from nova_watchdog.adapters.apprise_notifier import AppriseNotifier
from nova_watchdog.core.events import Severity
from nova_watchdog.ports import NotifyError

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

TOKEN = "hook-token"


@pytest.fixture
async def world() -> AsyncIterator[AppriseWorld]:
    made = AppriseWorld()
    await made.start()
    yield made
    await made.close()


async def test_a_message_says_what_a_human_needs(world: AppriseWorld):
    """Who, what, why, the remedy and the runbook; its end is short."""
    await world.port.send([event("a", Severity.CRITICAL), event("a", over=True)])
    first, second = (got.body for got in world.server.taken)
    assert first["title"] == "[critical] restarted (WatchdogActed on ctl1)"
    assert first["message"].splitlines() == [
        "R36: the process died, vCenter is fine",
        "look at the journal of the unit",
        "https://wiki.example.com/WatchdogActed.md",
    ]
    assert first["type"] == "failure"
    assert second["title"].startswith("[over] restarted ")
    assert second["message"] == "R36: the process died, vCenter is fine"


async def test_who_took_it_is_not_told_again(world: AppriseWorld):
    """One of two services is away: only that one is tried again."""
    other = ReceiverStandIn()
    await other.start()
    other.answer(503)
    world.urls.append(other.url.replace("http://", "json://"))
    for _ in range(2):
        with pytest.raises(NotifyError, match=r"^address 2 of 2 \(json://\): HTTP 503$"):
            await world.port.send([event("a")])
    other.answer(200)
    await world.port.send([event("a")])
    await world.port.send([event("a", over=True)])
    assert (len(world.server.taken), len(other.taken)) == (2, 2)
    await other.stop()


async def test_an_event_that_happens_again_or_gets_worse_is_told_again(world: AppriseWorld):
    """Who took it once must not miss the second time."""
    for one in (event("a"), event("a"), event("a", Severity.CRITICAL)):
        await world.port.send([one])
    assert [got.body["type"] for got in world.server.taken] == ["warning", "warning", "failure"]


async def test_what_got_worse_meanwhile_is_told_to_all(world: AppriseWorld):
    """The warning reached one of two services; both get to know that it is critical now."""
    other = ReceiverStandIn()
    await other.start()
    other.answer(503)
    world.urls.append(other.url.replace("http://", "json://"))
    with pytest.raises(NotifyError):
        await world.port.send([event("a")])
    other.answer(200)
    await world.port.send([event("a", Severity.CRITICAL)])
    assert [got.body["type"] for got in world.server.taken] == ["warning", "failure"]
    assert [got.body["type"] for got in other.taken] == ["failure"]
    await other.stop()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (f"nothing://{TOKEN}/", "apprise does not understand it"),
        (f"json://user:{TOKEN}@127.0.0.1:1/{TOKEN}", "not delivered"),
        (f"tgram://{TOKEN}", "apprise does not understand it"),
    ],
)
async def test_no_reason_and_no_log_line_shows_an_address(url: str, reason: str):
    """They hold tokens and passwords, so what apprise logs goes nowhere at all."""
    journal = _Journal()
    logging.getLogger().addHandler(journal)
    notifier = AppriseNotifier(lambda: [url], runbook_url)
    with pytest.raises(NotifyError, match=reason) as caught:
        await notifier.send([event("a")])
    await notifier.close()
    await apprise_ended()
    logging.getLogger().removeHandler(journal)
    assert TOKEN not in str(caught.value)
    assert [one.name for one in journal.records if one.name.startswith("apprise")] == []


class _Journal(logging.Handler):
    """What would be logged."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


async def test_a_defect_in_a_plugin_is_the_failure_of_its_address(
    world: AppriseWorld, monkeypatch: pytest.MonkeyPatch
):
    """It neither ends the daemon nor keeps the next address from being told."""
    import apprise

    add = apprise.Apprise.add

    def broken(self, url: str) -> bool:
        if url == "broken://":
            raise ZeroDivisionError
        return add(self, url)

    monkeypatch.setattr(apprise.Apprise, "add", broken)
    world.urls.insert(0, "broken://")
    with pytest.raises(
        NotifyError, match=r"address 1 of 2 \(broken://\): apprise failed \(ZeroDivisionError\)"
    ):
        await world.port.send([event("a")])
    assert len(world.server.taken) == 1


async def test_a_service_that_hangs_is_left_after_a_bound_and_gets_no_second_call(
    world: AppriseWorld, monkeypatch: pytest.MonkeyPatch
):
    """Neither threads nor calls pile up; afterwards it goes on."""
    await world.port.send([event("first")])  # apprise loads every plugin once, which takes its time
    monkeypatch.setattr(apprise_notifier, "_TIMEOUT_S", 0.3)
    world.server.hangs = True
    for _ in range(3):
        with pytest.raises(NotifyError, match="no answer for"):
            await world.port.send([event("a")])
    assert world.server.requests == 2
    world.server.let_go()
    monkeypatch.setattr(apprise_notifier, "_TIMEOUT_S", 20.0)
    async with asyncio.timeout(30):
        while True:
            try:
                await world.port.send([event("b")])
                break
            except NotifyError:
                await asyncio.sleep(0.05)
    assert world.server.taken[-1].body["message"].startswith("R36")
