"""How full etcd is: a real one says it to anybody, also when it is full; whoever is silent delays nothing."""

from __future__ import annotations

import asyncio
import json

import pytest
from aiohttp import web

from contracts.stand_ins.etcd import PASSWORD, PREFIX, USER, Etcd
from contracts.stand_ins.odd_etcd import HEADER, OddServer
from contracts.test_etcd import fill, opened
from contracts.waiting import PATIENCE_S
from nova_watchdog.adapters.clock import SystemClock
from nova_watchdog.adapters.etcd import Account, EtcdStore
from nova_watchdog.core.store_size import StoreSize
from nova_watchdog.ports import ProbeError, StoreUnavailableError

STATUS = "/v3/maintenance/status"
ACCOUNT = Account(USER, lambda: PASSWORD)


@pytest.mark.real
async def test_its_size_is_told(etcd: Etcd) -> None:
    """The file and what is in use of it; this etcd tells no quota."""
    async with opened(etcd.urls, PREFIX) as store:
        found = await store.size()
    assert found.size_bytes >= found.in_use_bytes > 0
    assert (found.quota_bytes, found.alarms) == (None, ())


@pytest.mark.real
async def test_a_full_one_tells_its_alarm_until_it_is_mended(tmp_path) -> None:
    """By what docs/etcd.md and the runbook say."""
    etcd = Etcd(tmp_path, options=("--quota-backend-bytes=1000000",))
    try:
        etcd.start()
        async with opened(etcd.urls, PREFIX) as store:
            with pytest.raises(StoreUnavailableError, match="database space exceeded"):
                await fill(store)
            full = await store.size()
            # It refuses what would not fit any more: the file itself may be a little below the quota.
            assert full.size_bytes > 500_000
            assert full.alarms == ("NOSPACE",)
            status = json.loads(etcd.ctl("endpoint", "status", "--write-out=json").stdout)
            revision = str(status[0]["Status"]["header"]["revision"])
            for words in (("compact", revision), ("defrag", "--cluster"), ("alarm", "disarm")):
                etcd.ctl(*words, check=True)
            mended = await store.size()
            assert mended.size_bytes < full.size_bytes
            assert mended.alarms == ()
            await store.commit({}, {"a": {}})
    finally:
        etcd.stop()


@pytest.mark.real
async def test_with_accounts_a_plain_user_is_told_it_too(tmp_path) -> None:
    """etcd 3.4 asks nobody who he is for that: before the first login, and after it."""
    etcd = Etcd(tmp_path)
    try:
        etcd.start()
        etcd.require_accounts()
        async with opened(etcd.urls, PREFIX, account=ACCOUNT) as store:
            assert (await store.size()).size_bytes > 0
            await store.read("")
            assert (await store.size()).size_bytes > 0
    finally:
        etcd.stop()


@pytest.mark.real
async def test_a_lost_member_does_not_hide_the_others(cluster: Etcd) -> None:
    """Those that answer tell it; without any it is not known, and why."""
    async with opened(cluster.urls, PREFIX) as store:
        cluster.members[0].kill()
        assert (await store.size()).size_bytes > 0
        for member in cluster.members:
            member.kill()
        with pytest.raises(ProbeError, match=r"^etcd: http://\S+: cannot connect: "):
            await store.size()


# --- what other versions say, and what is no answer


def says(**told: object) -> tuple[int, str]:
    return 200, json.dumps({"header": HEADER, **told})


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (says(dbSize="4096"), StoreSize(4096, 0)),
        (says(dbSize="4096", dbSizeInUse="1024", dbSizeQuota="8192"), StoreSize(4096, 1024, 8192)),
        (says(dbSize="4096", dbSizeQuota="-1"), StoreSize(4096, 0)),
        (
            says(dbSize="1", errors=["memberID:7 alarm:NOSPACE ", "memberID:8 alarm: NOSPACE"]),
            StoreSize(1, 0, None, ("NOSPACE",)),
        ),
        (
            says(dbSize="1", errors=["etcdserver: no leader", "memberID:7 alarm:CORRUPT "]),
            StoreSize(1, 0, None, ("CORRUPT",)),
        ),
    ],
    ids=["3.4", "3.6", "no quota", "two members", "no leader"],
)
async def test_what_it_says_is_read(odd, odd_store, answer, found):
    """Numbers are text; not every error is an alarm."""
    odd.answers[STATUS] = answer
    assert await odd_store.size() == found


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((404, "404 page not found"), "HTTP 404, not from etcd's gateway"),
        ((403, '{"code": 7, "message": "etcdserver: permission denied"}'), "permission denied$"),
        ((200, "[]"), "tells no size"),
        (says(), "tells no size"),
        (says(dbSize="0"), "tells no size"),
        (says(dbSize="many"), "tells no size"),
        (says(dbSize=None), "tells no size"),
        (says(dbSize="1" * 100), "tells no size"),
        ((200, '{"dbSize": 1e999}'), "tells no size"),
        (says(dbSize="1", errors=[3]), "tells no size"),
        (says(dbSize="1", errors=3), "tells no size"),
    ],
)
async def test_what_is_no_answer_is_not_known(odd, odd_store, answer, words):
    """Also where etcd wants more rights than a plain user has."""
    odd.answers[STATUS] = answer
    with pytest.raises(ProbeError, match=words):
        await odd_store.size()


async def test_of_several_members_the_fullest_counts_and_every_alarm(odd):
    """Each has a file and a quota of its own."""
    other = OddServer()
    await other.server.start_server()
    odd.answers[STATUS] = says(dbSize="5000", dbSizeQuota="100000", errors=["alarm:NOSPACE"])
    other.answers[STATUS] = says(dbSize="4000", dbSizeQuota="4000", errors=["alarm:CORRUPT"])
    store = EtcdStore([odd.url, other.url], "/p/", SystemClock(), timeout_s=PATIENCE_S)
    try:
        assert await store.size() == StoreSize(4000, 0, 4000, ("CORRUPT", "NOSPACE"))
    finally:
        await store.close()
        await other.server.close()


# --- beside the renewals


async def test_a_member_that_is_silent_about_it_delays_no_renewal(odd):
    """Nor its login; it stays the one that is asked first, and is asked for its size without one."""
    asked = asyncio.Event()
    hangs = asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse:
        assert "Authorization" not in request.headers
        asked.set()
        await hangs.wait()
        return web.Response(text="{}")

    odd.answers[STATUS] = hang
    odd.answers["/v3/auth/authenticate"] = says(token="a-token")
    account = Account("watchdog", lambda: "a-password")
    store = EtcdStore([odd.url], "/p/", SystemClock(), account=account, timeout_s=PATIENCE_S)
    try:
        size = asyncio.ensure_future(store.size())
        await asked.wait()
        odd.answers["/v3/kv/txn"] = says(succeeded=True)
        assert await store.commit({}, {"a": {}}) == 7
        assert not size.done()
        hangs.set()
        with pytest.raises(ProbeError):
            await size
    finally:
        hangs.set()
        await store.close()


async def test_a_member_that_refuses_it_is_asked_first_as_before(odd):
    """A failed question about the size says nothing of renewals."""
    other = OddServer()
    await other.server.start_server()
    odd.answers[STATUS] = 503, '{"error": "x", "message": "unavailable", "code": 14}'
    other.answers[STATUS] = says(dbSize="1")
    store = EtcdStore([odd.url, other.url], "/p/", SystemClock(), timeout_s=PATIENCE_S)
    try:
        assert await store.size() == StoreSize(1, 0)
        await store.read("")
        assert (odd.asked[-1], other.asked) == ("/v3/kv/range", [STATUS])
    finally:
        await store.close()
        await other.server.close()


async def test_its_words_show_no_token(odd):
    """Whatever answers there may send it back."""
    account = Account("watchdog", lambda: "a-password")
    guarded = EtcdStore([odd.url], "/p/", SystemClock(), account=account, timeout_s=PATIENCE_S)
    odd.answers["/v3/auth/authenticate"] = says(token="secret-token")

    async def echo(request: web.Request) -> web.StreamResponse:
        said = {"code": 16, "message": f"bad {request.headers['Authorization']}\x1b[2J"}
        return web.json_response(said, status=401)

    odd.answers[STATUS] = echo
    try:
        await guarded.read("")
        with pytest.raises(ProbeError) as caught:
            await guarded.size()
        assert "bad ***" in str(caught.value)
        assert "secret-token" not in str(caught.value)
        assert "\x1b" not in str(caught.value)
    finally:
        await guarded.close()
