"""What becomes of answers of the management API that a real RabbitMQ does not give on demand."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import web

from contracts.tls import self_signed
from contracts.waiting import PATIENCE_S
from nova_watchdog.adapters import rabbitmq_management
from nova_watchdog.adapters.rabbitmq_management import RabbitManagement
from nova_watchdog.ports import ActionRefusedError, ResultUnknownError

HOST = "vcenter-a"
SECRET = "contract-secret-management"


def consumer(connection: str | None, queue: str = f"compute.{HOST}") -> dict[str, object]:
    """A row of the list; without a connection as RabbitMQ writes it."""
    details: object = [] if connection is None else {"connection_name": connection}
    return {"channel_details": details, "queue": {"name": queue}}


class Api:
    """Lists `consumers`; a closed one is gone, unless `closing` says otherwise."""

    def __init__(self) -> None:
        self.consumers: list[dict[str, object]] = []
        self.lists = 0
        self.deleted: list[str] = []
        self.on_list: Callable[[], web.Response | None] = lambda: None
        self.closing: Callable[[web.Request], web.Response | None] = lambda _request: None
        self.authorization = ""
        self.reason = ""
        self.port = 0
        self._runner: web.AppRunner | None = None

    async def start(self, certificate: Path | None = None) -> None:
        app = web.Application()
        app.router.add_get("/api/consumers/{vhost}", self._list)
        app.router.add_delete("/api/connections/{name}", self._delete)
        app.router.add_get("/elsewhere", self._list)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        trust = None
        if certificate is not None:
            trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            trust.load_cert_chain(certificate)
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=trust)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _list(self, request: web.Request) -> web.Response:
        self.lists += 1
        self.authorization = request.headers["Authorization"]
        return self.on_list() or web.json_response(self.consumers)

    async def _delete(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        self.deleted.append(name)
        self.reason = request.headers["X-Reason"]
        if (answer := self.closing(request)) is not None:
            return answer
        self.consumers = [one for one in self.consumers if one != consumer(name)]
        return web.Response(status=204)


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """An API that a test may break."""
    made = Api()
    await made.start()
    yield made
    await made.stop()


def fence(api: Api, *, scheme: str = "http", ca_file: Path | None = None, timeout_s: float = PATIENCE_S):
    return RabbitManagement(
        f"{scheme}://127.0.0.1:{api.port}",
        "watchdog",
        lambda: SECRET,
        lambda _host: "/",
        ca_file=ca_file,
        timeout_s=timeout_s,
    )


async def test_names_are_sent_as_they_are_and_the_reason_with_them(api: Api) -> None:
    """An arrow and blanks are in every connection's name; the broker logs the reason."""
    api.consumers = [consumer("10.0.0.1:5 -> 10.0.0.9:5672"), consumer("[::1]:5 -> 100%/x")]
    assert await fence(api).close_consumers(HOST) == 2
    assert sorted(api.deleted) == ["10.0.0.1:5 -> 10.0.0.9:5672", "[::1]:5 -> 100%/x"]
    assert "nova-watchdog" in api.reason


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"<html>", "not understood"),
        (b'{"error": "x"}', "not understood"),
        (b"[1]", "not understood"),
        (b'[{"queue": []}]', "not understood"),
        (b"[" * 100_000, "not understood"),
        (b"[" + b" " * (9 * 1024 * 1024) + b"]", "longer than 8388608 bytes"),
    ],
)
async def test_a_list_that_is_not_understood_closes_nothing(api: Api, body: bytes, says: str) -> None:
    """Refused: nothing was asked to be closed."""
    api.on_list = lambda: web.Response(body=body)
    with pytest.raises(ActionRefusedError, match=says):
        await fence(api).close_consumers(HOST)
    assert api.deleted == []


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (401, "HTTP 401: the account is refused"),
        (403, "HTTP 403: no way"),
        (404, "HTTP 404: there is no such virtual host"),
        (500, "HTTP 500: no way"),
        (302, "HTTP 302: no way"),
    ],
)
async def test_a_refusal_is_told_with_its_words(api: Api, status: int, says: str) -> None:
    """A redirect is one: the account would go with it."""
    headers = {"Location": "/elsewhere"}
    api.on_list = lambda: web.Response(status=status, text="no\r\n way", headers=headers)
    with pytest.raises(ActionRefusedError, match=says):
        await fence(api).close_consumers(HOST)
    assert api.lists == 1


async def test_what_a_broker_says_cannot_forge_a_line(api: Api) -> None:
    """Control characters become escapes."""
    api.on_list = lambda: web.Response(status=500, text="a\x1b[2J")
    with pytest.raises(ActionRefusedError, match=r"a\\x1b\[2J"):
        await fence(api).close_consumers(HOST)


async def test_a_connection_that_is_gone_already_counts(api: Api) -> None:
    """The broker noticed by itself in between; it says 404, or 500."""
    api.consumers = [consumer("one")]

    def gone(_request: web.Request) -> web.Response:
        api.consumers = []
        return web.Response(status=500)

    api.closing = gone
    assert await fence(api).close_consumers(HOST) == 1


async def test_what_stays_is_told_with_the_reason(api: Api) -> None:
    """The others are closed all the same."""
    api.consumers = [consumer("one"), consumer("two")]
    api.closing = lambda request: web.Response(status=401) if request.match_info["name"] == "one" else None
    with pytest.raises(ActionRefusedError, match=r"1 of 2 connections still consume .* 401"):
        await fence(api).close_consumers(HOST)
    assert sorted(api.deleted) == ["one", "two"]


async def test_no_answer_to_a_closing_is_an_unknown_result(api: Api) -> None:
    """It may be closed."""
    api.consumers = [consumer("one")]

    def hang_up(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    api.closing = hang_up
    with pytest.raises(ResultUnknownError):
        await fence(api).close_consumers(HOST)


async def test_a_list_that_breaks_after_the_closing_is_an_unknown_result(api: Api) -> None:
    """Nothing shows that it is closed."""
    api.consumers = [consumer("one")]
    api.on_list = lambda: web.Response(status=503) if api.deleted else None
    with pytest.raises(ResultUnknownError, match="503"):
        await fence(api).close_consumers(HOST)


async def test_a_consumer_whose_connection_is_not_told_yet_is_waited_for(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RabbitMQ's list may have the consumer before its channel."""
    monkeypatch.setattr(rabbitmq_management, "_LOOK_AGAIN_S", 0.0)
    api.consumers = [consumer(None), consumer(None, "another")]

    def later() -> None:
        if api.lists == 3:
            api.consumers = [consumer("one"), consumer(None, "another")]

    api.on_list = later
    assert await fence(api).close_consumers(HOST) == 1
    api.consumers, api.lists = [consumer(None)], 10
    with pytest.raises(ActionRefusedError, match="1 of 1 connections still consume"):
        await fence(api).close_consumers(HOST)


@pytest.mark.lab
async def test_its_certificate_is_verified(tmp_path: Path) -> None:
    """With the CA of the configuration; one that cannot be used is told."""
    certificate, other = self_signed(tmp_path / "broker"), self_signed(tmp_path / "other")
    api = Api()
    await api.start(certificate)
    api.consumers = [consumer("one")]
    try:
        for ca_file, says in ((other, "not trusted"), (tmp_path / "none", "cannot be used as a CA")):
            with pytest.raises(ActionRefusedError, match=says):
                await fence(api, scheme="https", ca_file=ca_file).close_consumers(HOST)
        assert await fence(api, scheme="https", ca_file=certificate).close_consumers(HOST) == 1
    finally:
        await api.stop()


async def test_the_password_is_asked_for_each_time_and_told_nowhere(api: Api) -> None:
    """It may be replaced while the daemon runs."""
    passwords = iter(["first", "second"])
    made = RabbitManagement(
        f"http://127.0.0.1:{api.port}", "watchdog", lambda: next(passwords), lambda _host: "/"
    )
    await made.close_consumers(HOST)
    first = api.authorization
    await made.close_consumers(HOST)
    assert (first, api.authorization) == ("Basic d2F0Y2hkb2c6Zmlyc3Q=", "Basic d2F0Y2hkb2c6c2Vjb25k")
    assert "first" not in json.dumps([repr(made), str(made)])
    await made.close()
