"""The message bus adapter alone, against brokers that refuse, hang, or talk nonsense."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
import threading

import pytest
from oslo_config import cfg

from contracts.bus_worlds import HOSTS, options
from contracts.waiting import PATIENCE_S
from fakes.clock import FakeClock
from nova_watchdog.adapters.message_bus import RabbitMessageBus
from nova_watchdog.core.model import BusOutcome
from nova_watchdog.ports import ProbeError

SECRET = "contract-secret-of-nobody"
# How long a silent broker is waited for, so that two hundred of them end within a test.
SHORT_S = 0.05


def bus(url: str, *, timeout_s: float = PATIENCE_S, **rabbit: object) -> RabbitMessageBus:
    """The adapter with an account in its URL."""
    return RabbitMessageBus(
        lambda: options(url.replace("ACCOUNT", f"nova:{SECRET}"), **rabbit),
        HOSTS,
        timeout_s=timeout_s,
        ping_timeout_s=timeout_s / 4,
        clock=FakeClock(),
    )


@pytest.fixture
def silent_port():
    """A port whose connections the kernel accepts, and nobody answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port():
    """A port that refuses."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture
async def nonsense_port():
    """A server that answers every client with something that is not AMQP."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


async def test_every_broker_of_the_url_is_named_with_its_reason(closed_port, silent_port):
    """Whoever reads it knows where to look; the account is not shown."""
    port = bus(f"rabbit://ACCOUNT@127.0.0.1:{closed_port},ACCOUNT@127.0.0.1:{silent_port}/", timeout_s=2)
    view = await port.read()
    await port.close()
    assert view.outcome is BusOutcome.UNREACHABLE
    assert view.detail == (
        f"127.0.0.1:{closed_port}: Connection refused; 127.0.0.1:{silent_port}: no answer in time"
    )


async def test_a_silent_broker_is_unreachable_within_the_deadline(silent_port):
    """It delays nobody else: the event loop goes on."""
    port = bus(f"rabbit://ACCOUNT@127.0.0.1:{silent_port}/", timeout_s=1)
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    beside = asyncio.create_task(tick())
    view = await port.read()
    beside.cancel()
    await port.close()
    assert view.outcome is BusOutcome.UNREACHABLE
    assert "no answer" in view.detail
    assert ticks > 5


async def test_what_is_no_broker_is_unreachable(nonsense_port):
    """Some other server on the port."""
    port = bus(f"rabbit://ACCOUNT@127.0.0.1:{nonsense_port}/")
    view = await port.read()
    await port.close()
    assert view.outcome is BusOutcome.UNREACHABLE
    assert view.detail.startswith(f"127.0.0.1:{nonsense_port}: ")


async def test_tls_to_a_broker_without_it_is_unreachable(nonsense_port):
    """With TLS's own reason."""
    port = bus(f"rabbit://ACCOUNT@127.0.0.1:{nonsense_port}/", ssl=True)
    view = await port.read()
    await port.close()
    assert view.outcome is BusOutcome.UNREACHABLE
    assert "TLS fault" in view.detail


@pytest.mark.parametrize("kind", ["refused", "silent", "nonsense"])
async def test_two_hundred_failing_rounds_leave_nothing_behind(kind, closed_port, silent_port, nonsense_port):
    """An outage of hours: neither threads nor open files nor connection objects grow."""
    place = {"refused": closed_port, "silent": silent_port, "nonsense": nonsense_port}[kind]
    port = bus(f"rabbit://ACCOUNT@127.0.0.1:{place}/", timeout_s=SHORT_S if kind == "silent" else PATIENCE_S)

    def left() -> tuple[int, int, int]:
        gc.collect()
        connections = sum(type(one).__module__ == "amqp.connection" for one in gc.get_objects())
        return threading.active_count(), len(os.listdir("/proc/self/fd")), connections  # noqa: PTH208

    for _ in range(5):
        assert (await port.read()).outcome is BusOutcome.UNREACHABLE
    before = left()
    for _ in range(200):
        assert (await port.read()).outcome is BusOutcome.UNREACHABLE
    after = left()
    await port.close()
    assert after[0] <= before[0]
    assert after[1] <= before[1] + 2  # the stand-in's own side of a connection that is just being closed
    assert after[2] <= before[2] + 1  # of a round that is just ending


async def test_the_log_stays_silent_and_no_detail_holds_the_account(
    caplog, closed_port, silent_port, nonsense_port
):
    """Libraries of this kind print the whole URL."""
    caplog.set_level(logging.DEBUG)
    for place in (closed_port, silent_port, nonsense_port):
        port = bus(f"rabbit://ACCOUNT@127.0.0.1:{place}/", timeout_s=0.5)
        assert SECRET not in (await port.read()).detail
        await port.close()
    assert [record for record in caplog.records if record.name.startswith("amqp")] == []
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("amqp://ACCOUNT@127.0.0.1:1/", "names no RabbitMQ"),
        ("rabbit:///vhost", "names no RabbitMQ"),
        ("rabbit://ACCOUNT@127.0.0.1:port/", "not understood"),
        ("rabbit://ACCOUNT@127.0.0.1:1/?ssl=maybe", "ssl in nova's transport_url is neither"),
        ("rabbit://ACCOUNT@127.0.0.1:1/?rabbit_login_method=RABBIT-CR-DEMO", "RABBIT-CR-DEMO"),
    ],
)
async def test_options_that_are_not_understood_are_a_failed_probe(url, reason):
    """They say nothing about the bus."""
    port = bus(url)
    with pytest.raises(ProbeError, match=reason) as caught:
        await port.read()
    await port.close()
    assert SECRET not in str(caught.value)


async def test_tls_files_that_cannot_be_loaded_are_a_failed_probe(tmp_path, closed_port):
    """It is this side's fault."""
    port = bus(
        f"rabbit://ACCOUNT@127.0.0.1:{closed_port}/", ssl=True, ssl_ca_file=str(tmp_path / "absent.pem")
    )
    with pytest.raises(ProbeError, match=r"absent\.pem cannot be loaded: No such file"):
        await port.read()
    await port.close()


@pytest.mark.parametrize("error", [OSError("gone"), ValueError("secret text"), cfg.Error("secret text")])
async def test_options_that_cannot_be_read_are_a_failed_probe(error):
    """The reason does not repeat the error's text."""

    def conf() -> cfg.ConfigOpts:
        raise error

    port = RabbitMessageBus(conf, HOSTS, timeout_s=PATIENCE_S, ping_timeout_s=1, clock=FakeClock())
    with pytest.raises(ProbeError, match="options cannot be read") as caught:
        await port.read()
    await port.close()
    assert str(error) not in str(caught.value)


async def test_closing_twice_or_before_the_first_round_is_no_error(closed_port):
    """As at a start that failed."""
    port = bus(f"rabbit://ACCOUNT@127.0.0.1:{closed_port}/")
    await port.close()
    await port.close()
