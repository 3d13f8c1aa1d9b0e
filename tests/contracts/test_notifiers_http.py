"""What goes over the wire to Alertmanager and PagerDuty, and what becomes of a bad answer."""

from __future__ import annotations

import asyncio
import email.utils
import socket
import ssl
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from contracts.notifier_worlds import ROUTING_KEY, AlertmanagerWorld, HttpWorld, PagerDutyWorld, runbook_url
from contracts.stand_ins.receiver import ReceiverStandIn
from contracts.tls import self_signed
from fakes.clock import FakeClock
from fakes.notifier import event
from nova_watchdog.adapters import _http_post
from nova_watchdog.adapters.alertmanager import AlertmanagerPeer, basic, bearer
from nova_watchdog.adapters.pagerduty import PagerDuty, dedup_key
from nova_watchdog.core.events import Severity
from nova_watchdog.ports import NotifyError


@pytest.fixture
async def alertmanager() -> AsyncIterator[AlertmanagerWorld]:
    made = AlertmanagerWorld()
    await made.start()
    yield made
    await made.close()


@pytest.fixture
async def pagerduty() -> AsyncIterator[PagerDutyWorld]:
    made = PagerDutyWorld()
    await made.start()
    yield made
    await made.close()


@pytest.fixture(params=[AlertmanagerWorld, PagerDutyWorld])
async def either(request) -> AsyncIterator[HttpWorld]:
    made: HttpWorld = request.param()
    await made.start()
    yield made
    await made.close()


async def failure(world: HttpWorld) -> NotifyError:
    with pytest.raises(NotifyError) as caught:
        await world.port.send([event("a")])
    return caught.value


async def test_pagerduty_gets_what_opens_an_alert(pagerduty: PagerDutyWorld):
    """Everything that the event knows."""
    await pagerduty.port.send([event("acted/17", Severity.CRITICAL)])
    (got,) = pagerduty.server.taken
    assert got.path == "/v2/enqueue"
    assert got.body == {
        "routing_key": ROUTING_KEY,
        "event_action": "trigger",
        "dedup_key": "nova-watchdog/ctl1/acted/17",
        "client": "nova-watchdog",
        "links": [{"href": "https://wiki.example.com/WatchdogActed.md", "text": "Runbook"}],
        "payload": {
            "summary": "restarted",
            "source": "ctl1",
            "severity": "critical",
            "timestamp": "2027-01-15T08:00:00.000+00:00",
            "component": "cluster-a",
            "class": "WatchdogActed",
            "custom_details": {
                "detail": "R36: the process died, vCenter is fine",
                "remedy": "look at the journal of the unit",
                "pairing": "cluster-a",
                "controller": "ctl1",
                "key": "acted/17",
            },
        },
    }


async def test_pagerduty_resolves_by_the_same_key(pagerduty: PagerDutyWorld):
    """And by nothing else."""
    await pagerduty.port.send([event("a"), event("a", over=True)])
    first, second = (got.body for got in pagerduty.server.taken)
    assert second == {
        "routing_key": ROUTING_KEY,
        "event_action": "resolve",
        "dedup_key": first["dedup_key"],
    }


@pytest.mark.parametrize("severity", Severity)
async def test_pagerduty_knows_every_severity(pagerduty: PagerDutyWorld, severity: Severity):
    """critical, error, warning and info are its words."""
    await pagerduty.port.send([event("a", severity)])
    assert pagerduty.server.taken[0].body["payload"]["severity"] in ("critical", "error", "warning", "info")


async def test_pagerduty_gets_no_more_than_it_takes(pagerduty: PagerDutyWorld):
    """1,024 characters of summary, 255 of key; keys stay different."""
    await pagerduty.port.send([event("k" * 400, summary="s" * 2000)])
    body = pagerduty.server.taken[0].body
    assert len(body["payload"]["summary"]) == 1024
    assert len(body["dedup_key"]) <= 255
    assert dedup_key(event("k" * 400)) != dedup_key(event("k" * 401))


async def test_an_event_of_the_daemon_itself_has_no_pairing(either: HttpWorld):
    """Empty labels and fields are left out."""
    await either.port.send([replace(event("a"), pairing="", remedy="")])
    assert '"pairing"' not in str(either.server.taken[0].body).replace("'", '"')


@pytest.mark.parametrize(
    ("make", "expected"),
    [(basic("w", lambda: "pä:ss"), "Basic dzpww6Q6c3M="), (bearer(lambda: "token"), "Bearer token")],
)
async def test_alertmanager_gets_the_account(alertmanager: AlertmanagerWorld, make, expected: str):
    """By its header."""
    url = alertmanager.server.url + "/am/"
    peer = AlertmanagerPeer(url, FakeClock(), resend_s=60, runbook_url=runbook_url, authorization=make)
    await peer.send([event("a")])
    await peer.close()
    assert alertmanager.server.taken[0].path == "/am/api/v2/alerts"
    assert alertmanager.server.taken[0].headers["Authorization"] == expected


@pytest.mark.parametrize(
    ("status", "gives_up"),
    [
        (302, False),
        (400, True),
        (401, False),
        (403, False),
        (404, False),
        (413, True),
        (429, False),
        (503, False),
    ],
)
async def test_only_what_repeating_cannot_heal_is_given_up(either: HttpWorld, status: int, *, gives_up: bool):
    """A wrong account or address is mended by a human; the event then still arrives."""
    either.server.answer(status, "why\nnot", Location="/elsewhere")
    error = await failure(either)
    assert error.gives_up is gives_up
    assert str(error) == f"HTTP {status}: why\\x0anot"
    assert either.server.requests == 1  # no redirect is followed


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("17", 17.0),
        (email.utils.formatdate(FakeClock().wall_s() + 90, usegmt=True), 90.0),
        (email.utils.formatdate(FakeClock().wall_s() - 90, usegmt=True), 0.0),
        ("soon", None),
        ("", None),
        ("-3", None),
    ],
)
async def test_a_wish_to_be_left_alone_is_understood(either: HttpWorld, value: str, expected: float | None):
    """Seconds or a date."""
    either.server.answer(429, "slow down", Retry_After=value)
    assert (await failure(either)).retry_after_s == expected


async def test_a_receiver_that_echoes_the_secret_does_not_bring_it_into_the_reason(pagerduty: PagerDutyWorld):
    """The reason goes to the log and the status."""
    pagerduty.server.answer(400, f"routing_key {ROUTING_KEY} is invalid")
    error = await failure(pagerduty)
    assert str(error) == "HTTP 400: routing_key *** is invalid"
    assert error.__cause__ is None


async def test_a_long_answer_is_cut(either: HttpWorld):
    """An error page of a proxy is no reason."""
    either.server.answer(502, "<html>" + "x" * 100_000)
    assert len(str(await failure(either))) < 220


async def test_a_receiver_that_hangs_is_left_after_a_bound(either: HttpWorld, monkeypatch):
    """Shortened here."""
    monkeypatch.setattr(_http_post, "TIMEOUT_S", 0.2)
    either.server.hangs = True
    assert str(await failure(either)) == "no answer within 0.2 s"


async def test_a_receiver_that_resets_or_refuses_is_told(either: HttpWorld):
    """Each in its words."""
    either.server.resets = True
    assert str(await failure(either)).startswith(("ServerDisconnectedError", "ClientOSError"))
    await either.server.stop()
    assert str(await failure(either)).startswith("cannot connect: ")


async def test_a_name_that_does_not_resolve_is_told():
    """RFC 6761 keeps .invalid free."""
    pager = PagerDuty("http://pager.invalid/", lambda: ROUTING_KEY, FakeClock(), runbook_url=runbook_url)
    with pytest.raises(NotifyError, match="cannot connect"):
        await pager.send([event("a")])
    await pager.close()


async def test_a_name_that_is_none_is_told():
    """Python's resolver raises another error for it, which must not end the daemon."""
    port = PagerDuty(f"http://{'a' * 70}.invalid/", lambda: "key", FakeClock(), runbook_url=runbook_url)
    with pytest.raises(NotifyError, match=r"a\.invalid is no name of a host$"):
        await port.send([event("a")])
    await port.close()


def test_a_resolver_that_hangs_does_not_hold_up_the_end_of_the_process(monkeypatch):
    """The event loop's own threads would: the process waits for them."""
    stuck, before = threading.Event(), set(threading.enumerate())
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: stuck.wait())
    monkeypatch.setattr(_http_post, "TIMEOUT_S", 0.2)

    async def main() -> None:
        pager = PagerDuty("http://pager.example/", lambda: ROUTING_KEY, FakeClock(), runbook_url=runbook_url)
        for _ in range(3):
            with pytest.raises(NotifyError):
                await pager.send([event("a")])
        await pager.close()

    ended = threading.Thread(target=asyncio.run, args=(main(),), daemon=True)
    ended.start()
    ended.join(timeout=20)
    assert not ended.is_alive()
    assert [one.name for one in set(threading.enumerate()) - before] == ["resolver"]
    stuck.set()


async def test_a_proxy_is_used_where_it_is_set(pagerduty: PagerDutyWorld):
    """Controllers seldom reach the internet directly: the proxy gets the request."""
    pager = PagerDuty(
        "http://events.example.com/v2/enqueue",
        lambda: ROUTING_KEY,
        FakeClock(),
        runbook_url=runbook_url,
        proxy=pagerduty.server.url,
    )
    await pager.send([event("a")])
    await pager.close()
    (got,) = pagerduty.server.taken
    assert (got.path, got.headers["Host"]) == ("/v2/enqueue", "events.example.com")


async def test_a_certificate_is_verified_with_the_ca_that_is_configured(tmp_path: Path):
    """Without it, or with another one, nothing is sent; a new one is taken without a restart."""
    certificate, other = self_signed(tmp_path / "server"), self_signed(tmp_path / "other")
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.load_cert_chain(certificate)
    server = ReceiverStandIn(trust)
    await server.start()
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(other.read_bytes())
    peers = [
        AlertmanagerPeer(server.url, FakeClock(), resend_s=60, runbook_url=runbook_url, ca_file=path)
        for path in (None, ca_file)
    ]
    for peer in peers:
        with pytest.raises(NotifyError, match="certificate is not trusted"):
            await peer.send([event("a")])
    assert server.requests == 0
    ca_file.write_bytes(certificate.read_bytes())
    await peers[1].send([event("a")])
    ca_file.write_text("half written")
    await peers[1].send([event("b")])
    assert len(server.taken) == 2
    for peer in peers:
        await peer.close()
    await server.stop()
