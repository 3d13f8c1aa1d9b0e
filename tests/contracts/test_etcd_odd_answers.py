"""What answers in the place of etcd: nothing of it is taken for an answer, nothing shows a secret."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from aiohttp import web

from contracts.stand_ins.odd_etcd import HEADER
from contracts.waiting import PATIENCE_S, until
from figures import BUSY_MACHINE_S
from nova_watchdog.adapters import _etcd_watch
from nova_watchdog.adapters.clock import SystemClock
from nova_watchdog.adapters.etcd import Account, EtcdStore
from nova_watchdog.ports import StoreConflictError, StoreUnavailableError

PASSWORD = "odd-answers-password"


@pytest.mark.parametrize(
    ("status", "text", "words"),
    [
        (200, "", "not one of etcd's gateway"),
        (200, "[]", "not one of etcd's gateway"),
        (200, "{}", "not one of etcd's gateway"),
        (200, '{"header": {}}', "not one of etcd's gateway"),
        (200, '{"header": {"cluster_id": "1"}, "kvs": [{"key": 3}]}', "not one of its gateway"),
        (200, '{"header": {"cluster_id": "1"}, "kvs": [{"key": "YQ=="}]}', "not one of its gateway"),
        (404, "404 page not found", "HTTP 404, not from etcd's gateway"),
        (302, "", "HTTP 302, not from etcd's gateway"),
        (502, "<html>bad gateway</html>", "HTTP 502, not from etcd's gateway"),
        (503, '{"error": "x", "message": "transport is closing", "code": 14}', "transport is closing"),
        (500, '{"code": 13, "message": "a\\u001b[31m' + "x" * 5000 + '"}', r"a\\x1b\[31mx{194}$"),
    ],
)
async def test_an_answer_that_is_none_is_no_answer(odd, odd_store, status, text, words):
    """For a read, and the words are short and printable."""
    odd.answers["/v3/kv/range"] = (status, text)
    with pytest.raises(StoreUnavailableError, match=words):
        await odd_store.read("")


@pytest.mark.parametrize(
    ("status", "text", "may_be_written"),
    [
        (200, "torn", True),
        (502, "bad gateway", True),
        (404, "404 page not found", False),
        (503, '{"error": "etcdserver: no leader", "code": 14}', False),
        (429, '{"error": "etcdserver: too many requests", "code": 8}', False),
    ],
)
async def test_a_transaction_without_an_answer_may_be_written(odd, odd_store, status, text, may_be_written):
    """Unless it is certain that it is not."""
    odd.answers["/v3/kv/txn"] = (status, text)
    with pytest.raises(StoreUnavailableError) as caught:
        await odd_store.commit({"a": 1}, {"a": {}})
    assert ("may be written" in str(caught.value)) is may_be_written


async def test_a_transaction_is_sent_once(odd, odd_store):
    """Whatever becomes of its connection."""

    async def cut(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    odd.answers["/v3/kv/txn"] = cut
    with pytest.raises(StoreUnavailableError, match="may be written"):
        await odd_store.commit({"a": 1}, {"a": {}})
    assert odd.asked.count("/v3/kv/txn") == 1


async def test_a_conflict_that_does_not_say_where_names_all(odd_store):
    """Nothing was written: that is what counts."""
    with pytest.raises(StoreConflictError, match="a, b"):
        await odd_store.commit({"a": 1, "b": 2}, {"a": {}})


async def test_a_trickle_ends_at_the_bound(odd, odd_store):
    """A server that sends a byte now and then is as silent as one that sends none."""

    async def trickle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(100):
            await response.write(b" ")
            await asyncio.sleep(0.1)
        return response

    odd_store._gateway.timeout_s = 1.0
    odd.answers["/v3/kv/range"] = trickle
    began_s = time.monotonic()
    with pytest.raises(StoreUnavailableError, match=r"no answer within 1\.0 s"):
        await odd_store.read("")
    assert time.monotonic() - began_s < BUSY_MACHINE_S


async def test_an_answer_that_repeats_the_password_shows_none(odd):
    """Nor the token."""
    odd.answers["/v3/auth/authenticate"] = (200, json.dumps({"header": HEADER, "token": "the-token.1"}))
    odd.answers["/v3/kv/range"] = (
        400,
        json.dumps({"code": 3, "message": f"you sent {PASSWORD} the-token.1"}),
    )
    store = EtcdStore(
        [odd.url], "/p/", SystemClock(), account=Account("user", lambda: PASSWORD), timeout_s=PATIENCE_S
    )
    with pytest.raises(StoreUnavailableError, match=r"you sent \*\*\* \*\*\*"):
        await store.read("")
    assert PASSWORD not in repr(Account("user", lambda: PASSWORD))
    await store.close()


async def test_a_login_without_an_answer_writes_nothing(odd):
    """The transaction was not even sent."""
    odd.answers["/v3/auth/authenticate"] = (200, json.dumps({"header": HEADER}))
    store = EtcdStore(
        [odd.url], "/p/", SystemClock(), account=Account("user", lambda: PASSWORD), timeout_s=PATIENCE_S
    )
    with pytest.raises(StoreUnavailableError, match="logging in: an answer without a token") as caught:
        await store.commit({}, {"a": {}})
    assert "may be written" not in str(caught.value)
    odd.answers["/v3/auth/authenticate"] = (503, json.dumps({"code": 14, "message": "etcdserver: no leader"}))
    with pytest.raises(StoreUnavailableError, match="logging in: etcdserver: no leader"):
        await store.commit({}, {"a": {}})
    assert "/v3/kv/txn" not in odd.asked
    await store.close()


@pytest.mark.parametrize(
    "line",
    [
        b"torn\n",
        b'{"error": {"grpc_code": 14, "message": "etcdserver: no leader"}}\n',
        b'{"result": {"canceled": true, "cancel_reason": "etcdserver: permission denied"}}\n',
        b'{"result": {"events": [{"kv": {}}]}}\n',
        b'{"result": {"events": 3}}\n',
    ],
)
async def test_a_watch_that_tells_nonsense_is_begun_anew(odd, odd_store, monkeypatch, line):
    """Nothing of it is told, and the store is looked at again."""
    monkeypatch.setattr(_etcd_watch, "_RETRY_S", 0.01)

    async def nonsense(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=line)

    odd.answers["/v3/watch"] = nonsense
    changes = odd_store.watch("")
    waiting = asyncio.ensure_future(anext(changes))
    await until(lambda: odd.asked.count("/v3/watch") > 2)
    assert not waiting.done()
    kvs = [{"key": "L3AvYQ==", "mod_revision": "9"}]
    odd.answers["/v3/kv/range"] = (200, json.dumps({"header": HEADER, "kvs": kvs}))
    assert await asyncio.wait_for(waiting, PATIENCE_S) == "a"


async def test_a_restored_store_is_told_as_a_whole(odd, odd_store, monkeypatch):
    """Its revisions went back, so none of those that are known means anything."""
    monkeypatch.setattr(_etcd_watch, "_RETRY_S", 0.01)
    odd.answers["/v3/watch"] = (200, "ended\n")
    kvs = [{"key": "L3AvYQ==", "mod_revision": "5"}]
    odd.answers["/v3/kv/range"] = (200, json.dumps({"header": HEADER, "kvs": kvs}))
    changes = odd_store.watch("")
    assert await asyncio.wait_for(anext(changes), PATIENCE_S) == "a"
    looks = odd.asked.count("/v3/kv/range")
    await until(lambda: odd.asked.count("/v3/kv/range") > looks + 1)
    assert not changes._changed
    odd.answers["/v3/kv/range"] = (200, json.dumps({"header": HEADER | {"revision": "6"}, "kvs": kvs}))
    assert await asyncio.wait_for(anext(changes), PATIENCE_S) == "a"


async def test_an_error_that_nobody_foresaw_ends_the_watch_loudly(odd_store, monkeypatch):
    """Whoever waits gets it, and the daemon ends."""

    async def fails(*_args: object, **_more: object) -> None:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(odd_store._gateway, "ask", fails)
    with pytest.raises(RuntimeError, match="unforeseen"):
        await asyncio.wait_for(anext(odd_store.watch("")), PATIENCE_S)


async def test_a_name_that_does_not_resolve_any_more_keeps_its_address(odd, monkeypatch):
    """A name server that is away must not end a hold."""
    store = EtcdStore([f"http://localhost:{odd.server.port}"], "/p/", SystemClock(), timeout_s=1.0)
    resolver = store._gateway._http._resolver
    found = await resolver.resolve("localhost", odd.server.port or 0)

    async def fails(*_args: object) -> None:
        raise OSError(None, "no name server")

    monkeypatch.setattr(resolver._resolver, "resolve", fails)
    assert await resolver.resolve("localhost", odd.server.port or 0) == found
    with pytest.raises(OSError, match="no name server"):
        await resolver.resolve("another.example.org", 1)
    await store.close()
