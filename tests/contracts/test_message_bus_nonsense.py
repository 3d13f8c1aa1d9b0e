"""The message bus adapter alone: what says nothing about the bus, and what no broker would say."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import socket
import ssl
import struct
import threading
from contextlib import asynccontextmanager, closing

import pytest

from contracts.bus_worlds import HOSTS, options
from contracts.tls import self_signed
from contracts.waiting import PATIENCE_S
from fakes.clock import FakeClock
from nova_watchdog.adapters import _bus_session
from nova_watchdog.adapters.message_bus import RabbitMessageBus
from nova_watchdog.core.model import BusOutcome
from nova_watchdog.ports import ProbeError


def bus(ports, **rabbit: object) -> RabbitMessageBus:
    """The adapter with an account at these local ports."""
    brokers = ",".join(f"nova:secret@127.0.0.1:{port}" for port in ports)
    return RabbitMessageBus(
        lambda: options(f"rabbit://{brokers}/", **rabbit),
        HOSTS,
        timeout_s=PATIENCE_S,
        ping_timeout_s=1,
        clock=FakeClock(),
    )


@asynccontextmanager
async def saying(words: bytes, tls: ssl.SSLContext | None = None):
    """A server that says this to each client and hangs up. Gives its port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(words)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


def frame(body: bytes, *, kind: int = 1, channel: int = 0) -> bytes:
    """One frame of AMQP 0-9-1."""
    return struct.pack(">BHI", kind, channel, len(body)) + body + b"\xce"


def start(mechanisms: bytes = b"PLAIN AMQPLAIN") -> bytes:
    """The arguments of Connection.Start."""
    head = struct.pack(">HHBBI", 10, 10, 0, 9, 0)
    return head + struct.pack(">I", len(mechanisms)) + mechanisms + struct.pack(">I", 5) + b"en_US"


NONSENSE = {
    "a method that is cut": frame(b"\x00"),
    "arguments that are cut": frame(struct.pack(">HHBB", 10, 10, 0, 9) + b"\x00\x00\xff"),
    "a text that is no UTF-8": frame(start(b"\xff\xfe\xff\xff")),
    "a channel that nobody opened": frame(start(), channel=7),
}


@pytest.mark.parametrize("words", NONSENSE.values(), ids=NONSENSE.keys())
async def test_frames_that_cannot_be_taken_apart_end_nothing_but_the_round(words):
    """py-amqp raises whatever comes of them: an error that no port declares would end the daemon."""
    async with saying(words) as port:
        with closing(socket.create_server(("127.0.0.1", 0))) as other:
            closed = other.getsockname()[1]
        watched = bus([port, closed])
        view = await watched.read()
        await watched.close()
    assert view.outcome is BusOutcome.UNREACHABLE
    assert view.detail == (
        f"127.0.0.1:{port}: the answer is not AMQP; 127.0.0.1:{closed}: Connection refused"
    )


async def test_bytes_turned_at_random_are_never_more_than_an_unreachable_bus():
    """Two hundred broken greetings; nothing is left open behind them."""
    chosen = random.Random(5)  # noqa: S311

    def turned() -> bytes:
        words = bytearray(frame(start()))
        for _ in range(chosen.randint(1, 5)):
            words[chosen.randrange(len(words))] = chosen.randrange(256)
        return bytes(words)

    before = threading.active_count(), len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(200):
        async with saying(turned()) as port:
            watched = bus([port])
            assert (await watched.read()).outcome is BusOutcome.UNREACHABLE
            await watched.close()
    assert len(os.listdir("/proc/self/fd")) <= before[1] + 2  # noqa: PTH208


async def test_an_unforeseen_error_of_the_library_is_a_failed_probe(monkeypatch):
    """Never a verdict, and never the end of the daemon."""

    def broken(*_: object) -> None:
        raise AttributeError("'NoneType' object has no attribute 'write'")

    monkeypatch.setattr(_bus_session, "BusConnection", broken)
    watched = bus([1])
    with pytest.raises(ProbeError, match=r"^py-amqp failed with AttributeError$"):
        await watched.read()
    await watched.close()


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS])
async def test_a_machine_that_cannot_even_ask_knows_nothing_of_the_bus(monkeypatch, number):
    """Unknown, with the reason; never "the bus is down"."""

    def starved(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(_bus_session, "BusConnection", starved)
    watched = bus([1])
    with pytest.raises(ProbeError, match=f"no connection can be made here: {os.strerror(number)}"):
        await watched.read()
    await watched.close()


@pytest.mark.parametrize("names_ca", [False, True])
async def test_a_certificate_that_nova_would_not_verify_is_no_verdict(tmp_path, names_ca):
    """Without ssl_ca_file nova logs in to whoever answers, and works. With one it fails as we do."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(self_signed(tmp_path / "broker"))
    ca = str(self_signed(tmp_path / "another")) if names_ca else ""
    async with saying(b"", tls) as port:
        watched = bus([port], ssl=True, ssl_ca_file=ca)
        if names_ca:
            view = await watched.read()
            assert view.outcome is BusOutcome.UNREACHABLE
            assert "the certificate does not verify" in view.detail
        else:
            with pytest.raises(ProbeError, match=r"does not verify: .*; nova itself verifies none"):
                await watched.read()
        await watched.close()
