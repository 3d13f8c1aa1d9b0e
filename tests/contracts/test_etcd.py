"""A real etcd: values that are none of ours, compaction, accounts, certificates."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Sequence

import pytest

from contracts.stand_ins.etcd import PASSWORD, PREFIX, USER, Etcd
from contracts.stand_ins.etcd_certificates import Authority
from contracts.waiting import PATIENCE_S, until
from nova_watchdog.adapters import _etcd_http, _etcd_login, _etcd_watch
from nova_watchdog.adapters.clock import SystemClock
from nova_watchdog.adapters.etcd import Account, EtcdStore, TlsFiles
from nova_watchdog.core.errors import RecordError
from nova_watchdog.core.hold.records import controller_of, hold_of
from nova_watchdog.ports import StoreConflictError, StoreUnavailableError

pytestmark = pytest.mark.real
NUMBERS = itertools.count()
ACCOUNT = Account(USER, lambda: PASSWORD)


@contextlib.asynccontextmanager
async def opened(
    urls: Sequence[str], prefix: str, *, account: Account | None = None, tls: TlsFiles | None = None
) -> AsyncIterator[EtcdStore]:
    store = EtcdStore(urls, prefix, SystemClock(), account=account, tls=tls, timeout_s=PATIENCE_S)
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
def prefix() -> str:
    return f"/etcd-{next(NUMBERS)}/"


@pytest.fixture
async def store(etcd: Etcd, prefix: str) -> AsyncIterator[EtcdStore]:
    async with opened(etcd.urls, prefix) as made:
        yield made


# --- values that are none of ours


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('{"format": 1, "holder": "ct', "no JSON"),
        ("", "no JSON"),
        ("hello", "no JSON"),
        ("[1]", "no JSON object"),
        ("null", "no JSON object"),
        ('{"format": NaN}', "no JSON"),
        ('{"format": "\\ud800"}', "no JSON"),
        ("[" * 5000, "no JSON"),
        ('{"a": "%s"}' % ("x" * 70_000), "70009 bytes, more than 65536"),
    ],
    ids=["torn", "empty", "text", "array", "null", "NaN", "half a character", "deep", "huge"],
)
async def test_a_value_that_is_no_record_hides_no_other(store, etcd, prefix, content, problem):
    """It comes with its revision, as what no reader of records accepts; and it can be replaced."""
    await store.commit({}, {"holds/good": {"n": 1}})
    etcd.ctl("put", f"{prefix}holds/bad", "--", content, check=True)
    found = await store.read("holds/")
    assert found["holds/good"].value == {"n": 1}
    bad = found["holds/bad"]
    assert bad.value["format"] == problem
    for read in (controller_of, hold_of):
        with pytest.raises(RecordError, match=problem):
            read(bad.value)
    await store.commit({"holds/bad": bad.revision}, {"holds/bad": {"n": 2}})
    assert (await store.read("holds/bad"))["holds/bad"].value == {"n": 2}


async def test_two_values_that_are_no_records_are_not_the_same(store, etcd, prefix):
    """After a restore a revision may be given twice: then the value tells."""
    etcd.ctl("put", f"{prefix}a", "one", check=True)
    etcd.ctl("put", f"{prefix}b", "two", check=True)
    found = await store.read("")
    assert found["a"].value != found["b"].value


async def test_a_prefix_is_not_the_beginning_of_a_name(store, etcd, prefix):
    """What lies beside the own prefix is nobody's record here."""
    etcd.ctl("put", f"{prefix[:-1]}x", "{}", check=True)
    assert dict(await store.read("")) == {}


async def test_an_answer_without_a_bound_is_refused(store, monkeypatch):
    """Whoever fills the store costs the store, not the daemon's memory."""
    monkeypatch.setattr(_etcd_http, "MAX_ANSWER_BYTES", 10_000)
    await store.commit({}, {"a": {"text": "x" * 20_000}})
    with pytest.raises(StoreUnavailableError, match="more than 10000 bytes"):
        await store.read("")


@pytest.mark.parametrize(
    ("puts", "problem"),
    [
        ({"a": {"text": "x" * 70_000}}, "a has 70011 bytes, allowed are 65536"),
        ({str(number): {} for number in range(129)}, "more than 128 records"),
    ],
)
async def test_what_could_not_be_read_again_is_not_written(store, puts, problem):
    """Said before it is sent."""
    with pytest.raises(StoreUnavailableError, match=problem):
        await store.commit({}, puts)
    assert dict(await store.read("")) == {}


async def test_names_may_be_any_text(store):
    """Keys and values go through base64."""
    record = {"text": 'ünïcödé "\\\n€'}
    await store.commit({'é"/ \\': 0}, {'é"/ \\': record})
    assert (await store.read("é"))['é"/ \\'].value == record


async def test_a_conflict_names_what_changed(store):
    """And only that."""
    revision = await store.commit({}, {"a": {}, "b": {}, "c": {}})
    await store.commit({}, {"b": {}})
    with pytest.raises(StoreConflictError, match=r"^b, d: "):
        await store.commit({"a": revision, "b": revision, "c": revision, "d": revision}, {"a": {"n": 1}})


async def test_a_full_etcd_says_so_and_is_still_read(tmp_path):
    """Where nobody compacts it that happens within a week. Nothing is written then."""
    etcd = Etcd(tmp_path, options=("--quota-backend-bytes=1000000",))
    try:
        etcd.start()
        async with opened(etcd.urls, PREFIX) as store:
            with pytest.raises(StoreUnavailableError, match="database space exceeded") as caught:
                await fill(store)
            assert "may be written" not in str(caught.value)
            assert (await store.read("a"))["a"].value["n"] < 99
    finally:
        etcd.stop()


async def fill(store: EtcdStore) -> None:
    for number in range(100):
        await store.commit({}, {"a": {"n": number, "text": "x" * 60_000}})


# --- watches


async def test_a_watch_goes_on_where_its_revision_was_compacted(store, etcd, monkeypatch):
    """Nothing is lost: what changed meanwhile is told, what did not is not."""
    monkeypatch.setattr(_etcd_watch, "_RETRY_S", 0.5)
    changes = store.watch("")
    await store.commit({}, {"a": {}, "b": {}})
    assert {await next_of(changes), await next_of(changes)} == {"a", "b"}
    etcd.members[0].kill()
    etcd.members[0].start()
    etcd.wait(etcd.urls)
    revision = await store.commit({}, {"b": {"n": 1}})
    etcd.ctl("compact", str(revision), check=True)
    assert await next_of(changes) == "b"
    await store.commit({}, {"a": {"n": 2}})
    assert await next_of(changes) == "a"


async def test_a_compaction_between_look_and_stream_is_no_gap(store, etcd, prefix, monkeypatch):
    """etcd refuses to begin there; the watch looks again."""
    monkeypatch.setattr(_etcd_watch, "_RETRY_S", 0.05)
    gateway = store._gateway
    streams: list[object] = []
    real = gateway.stream

    def late(path, body):
        if not streams:
            for number in range(3):
                etcd.ctl("put", f"{prefix}a", json.dumps({"n": number}), check=True)
            revision = json.loads(etcd.ctl("get", "a", "--write-out=json").stdout)["header"]["revision"]
            etcd.ctl("compact", str(revision), check=True)
        streams.append(body)
        return real(path, body)

    monkeypatch.setattr(gateway, "stream", late)
    changes = store.watch("")
    assert await next_of(changes) == "a"
    await until(lambda: len(streams) > 1)
    await store.commit({}, {"b": {}})
    assert await next_of(changes) == "b"


async def test_a_silent_stream_is_begun_anew(store, monkeypatch):
    """A connection that hangs tells nothing, and looks like one on which nothing happens."""
    monkeypatch.setattr(_etcd_watch, "_IDLE_S", 0.1)
    changes = store.watch("")
    begun = 0
    real = store._gateway.stream

    def counted(path, body):
        nonlocal begun
        begun += 1
        return real(path, body)

    monkeypatch.setattr(store._gateway, "stream", counted)
    await asyncio.sleep(0.5)
    assert begun > 1
    await store.commit({}, {"a": {}})
    assert await next_of(changes) == "a"


async def test_a_deleted_key_is_told(store, etcd, prefix):
    """An operator may do that."""
    changes = store.watch("")
    await store.commit({}, {"a": {}})
    assert await next_of(changes) == "a"
    etcd.ctl("del", f"{prefix}a", check=True)
    assert await next_of(changes) == "a"


async def test_a_watch_that_nobody_holds_ends(store):
    """Its connection too."""
    store.watch("")
    await asyncio.sleep(0.1)
    assert not store._watches._tasks


async def test_a_watch_of_a_closed_store_raises(etcd, prefix):
    """Whoever waits is told, and does not wait for ever."""
    async with opened(etcd.urls, prefix) as store:
        waiting = asyncio.ensure_future(anext(store.watch("")))
        await asyncio.sleep(0.05)
    with pytest.raises(StoreUnavailableError, match="closed"):
        await asyncio.wait_for(waiting, PATIENCE_S)


async def test_a_closed_store_stays_closed(etcd, prefix):
    """Whoever comes late gets the error of a store that is away."""
    async with opened(etcd.urls, prefix) as store:
        await store.read("")
    for late in (store.read(""), store.commit({}, {"a": {}}), anext(store.watch(""))):
        with pytest.raises(StoreUnavailableError, match="closed"):
            await late


async def next_of(changes: AsyncIterator[str]) -> str:
    return await asyncio.wait_for(anext(changes), PATIENCE_S)


# --- accounts


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """An etcd with accounts."""
    made = Etcd(tmp_path_factory.mktemp("guarded"))
    try:
        made.start()
        made.require_accounts()
        yield made
    finally:
        made.stop()


async def test_with_an_account_it_works_also_after_its_token_ended(guarded):
    """A token is renewed by itself, also for a transaction, and for a watch that begins anew."""
    async with opened(guarded.urls, PREFIX, account=ACCOUNT) as store:
        revision = await store.commit({"a": 0}, {"a": {"n": 1}})
        changes = store.watch("")
        assert await next_of(changes) == "a"
        store._gateway._login._token = "of-another-time.1"
        await store.commit({"a": revision}, {"a": {"n": 2}})
        assert await next_of(changes) == "a"
        store._gateway._login._token = ""  # what it has where accounts are switched on later
        assert (await store.read(""))["a"].value == {"n": 2}


async def test_many_requests_at_once_log_in_once(guarded):
    """etcd spends a good deal of time on each password."""
    asked = []

    def password() -> str:
        asked.append(1)
        return PASSWORD

    async with opened(guarded.urls, PREFIX, account=Account(USER, password)) as store:
        await asyncio.gather(*(store.read("") for _ in range(5)))
    assert len(asked) == 1


async def test_a_refused_account_is_told_without_its_password_and_not_tried_again_at_once(
    guarded, monkeypatch
):
    """Until the password changes."""
    current = ["wrong-secret"]
    async with opened(guarded.urls, PREFIX, account=Account(USER, lambda: current[0])) as store:
        for _ in range(2):
            with pytest.raises(StoreUnavailableError) as caught:
                await store.read("")
            assert str(caught.value) == f'etcd refuses the user "{USER}" or its password'
        logins = guarded.members[0].log.count("invalid username or password")
        assert logins <= 1
        current[0] = PASSWORD
        await store.read("")
        current[0] = "wrong-secret"
        monkeypatch.setattr(_etcd_login, "_REFUSED_PAUSE_S", 0.0)
        await store.read("")  # its token still stands


async def test_without_an_account_or_rights_it_says_so(guarded):
    """Nothing is tried at another member, and nothing written."""
    async with opened(guarded.urls, PREFIX) as store:
        with pytest.raises(StoreUnavailableError, match="user name is empty"):
            await store.read("")
    async with opened(guarded.urls, "/another/", account=ACCOUNT) as store:
        with pytest.raises(StoreUnavailableError, match="permission denied"):
            await store.read("")
        with pytest.raises(StoreUnavailableError, match="permission denied"):
            await store.commit({}, {"a": {}})


async def test_an_account_at_an_etcd_without_accounts_does_no_harm(etcd, prefix):
    """It may get them later."""
    async with opened(etcd.urls, prefix, account=ACCOUNT) as known:
        await known.commit({}, {"a": {}})
        assert "a" in await known.read("")


# --- TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def sealed(tmp_path_factory, authority):
    """An etcd with accounts that asks for certificates of a CA of its own."""
    certificate, key = authority.issue("member")
    client = authority.issue("operator")
    files = (f"--cert-file={certificate}", f"--key-file={key}", f"--trusted-ca-file={authority.path}")
    made = Etcd(
        tmp_path_factory.mktemp("sealed"),
        options=(*files, "--client-cert-auth"),
        ctl_options=(f"--cacert={authority.path}", f"--cert={client[0]}", f"--key={client[1]}"),
    )
    try:
        made.start()
        made.require_accounts()
        yield made
    finally:
        made.stop()


async def test_with_certificates_it_works(sealed, authority):
    """Ours has no common name."""
    certificate, key = authority.issue("")
    tls = TlsFiles(authority.path, certificate, key)
    async with opened(sealed.urls, PREFIX, account=ACCOUNT, tls=tls) as store:
        changes = store.watch("")
        await store.commit({"a": 0}, {"a": {"n": 1}})
        assert await next_of(changes) == "a"
        assert (await store.read(""))["a"].value == {"n": 1}


async def test_a_certificate_with_a_common_name_is_refused_and_it_says_why(sealed, authority):
    """etcd's gateway takes none."""
    certificate, key = authority.issue("ctl1")
    async with opened(
        sealed.urls, PREFIX, account=ACCOUNT, tls=TlsFiles(authority.path, certificate, key)
    ) as store:
        with pytest.raises(StoreUnavailableError, match="common name"):
            await store.read("")


async def test_an_etcd_that_is_not_trusted_gets_nothing(sealed, authority, tmp_path):
    """Of another CA, or of the system's; and one that asks for a certificate says so."""
    async with opened(sealed.urls, PREFIX, account=ACCOUNT) as store:
        with pytest.raises(StoreUnavailableError, match="certificate is not trusted"):
            await store.commit({}, {"a": {}})
    async with opened(sealed.urls, PREFIX, account=ACCOUNT, tls=TlsFiles(authority.path)) as store:
        with pytest.raises(StoreUnavailableError, match=r"(?i)certificate"):
            await store.read("")
    async with opened(sealed.urls, PREFIX, account=ACCOUNT, tls=TlsFiles(tmp_path / "none.pem")) as store:
        with pytest.raises(StoreUnavailableError, match=r"none\.pem cannot be used for TLS"):
            await store.read("")


async def test_a_replaced_certificate_is_taken_and_a_broken_one_is_not(sealed, authority, tmp_path):
    """The last good one stands while it is replaced."""
    ca = tmp_path / "ca.pem"
    ca.write_bytes(authority.path.read_bytes())
    certificate, key = authority.issue("")
    async with opened(sealed.urls, PREFIX, account=ACCOUNT, tls=TlsFiles(ca, certificate, key)) as store:
        await store.read("")
        ca.write_text("torn")
        await store.read("")
        ca.unlink()
        await store.read("")
        ca.write_bytes(Authority(tmp_path).path.read_bytes())
        with pytest.raises(StoreUnavailableError, match="certificate is not trusted"):
            await store.read("")
