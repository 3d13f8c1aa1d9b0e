"""Three real etcd members of which some are lost, frozen or without a majority."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator

import pytest

from contracts.stand_ins.etcd import Etcd, Member
from contracts.waiting import PATIENCE_S, until
from nova_watchdog.adapters import _etcd_watch
from nova_watchdog.adapters.clock import SystemClock
from nova_watchdog.adapters.etcd import EtcdStore
from nova_watchdog.ports import StoreConflictError, StoreUnavailableError

pytestmark = pytest.mark.real
NUMBERS = itertools.count()
TIMEOUT_S = 3.0
# What the test's own machine may add to a bound.
SLACK_S = 2.5


@pytest.fixture
def prefix() -> str:
    return f"/cluster-{next(NUMBERS)}/"


@pytest.fixture
async def store(cluster: Etcd, prefix: str) -> AsyncIterator[EtcdStore]:
    """It has read once: the first member comes first."""
    made = EtcdStore(cluster.urls, prefix, SystemClock(), timeout_s=TIMEOUT_S)
    await made.read("")
    yield made
    await made.close()


def first(cluster: Etcd, *, is_leader: bool) -> Member:
    """The member that the store asks first, made the leader or another one."""
    member, other = cluster.members[:2]
    if (cluster.leader() is member) is not is_leader:
        wanted = member if is_leader else other
        status = cluster.ctl("endpoint", "status", url=wanted.url, check=True).stdout.split(", ")
        cluster.ctl("move-leader", status[1], url=cluster.leader().url, check=True)
        cluster.wait(cluster.urls)
    return member


async def proof_is_old() -> None:
    """An answer counts for half a second."""
    await asyncio.sleep(0.6)


async def committed(store: EtcdStore) -> int:
    """Commit until it is confirmed; returns how many attempts had an unknown result."""
    for attempt in range(10):
        try:
            await store.commit({}, {"a": {"attempt": attempt}})
        except StoreUnavailableError:
            continue
        return attempt
    raise AssertionError("it was never confirmed")


async def test_a_lost_member_costs_nothing(cluster, store):
    """The next one is asked, also for a transaction, and also where it led."""
    first(cluster, is_leader=True).kill()
    await proof_is_old()
    assert await committed(store) <= 1
    assert "a" in await store.read("")


async def test_a_silent_member_costs_a_part_of_one_request(cluster, store):
    """Its kernel still takes connections, so nothing but time tells. It is asked last from then on."""
    first(cluster, is_leader=False).freeze()
    await proof_is_old()
    began_s = time.monotonic()
    await store.commit({"a": 0}, {"a": {"n": 1}})
    assert time.monotonic() - began_s < TIMEOUT_S
    began_s = time.monotonic()
    for _ in range(5):
        await store.read("")
        await store.commit({}, {"a": {"n": 2}})
    assert time.monotonic() - began_s < SLACK_S


@pytest.mark.parametrize("is_asked", [True, False], ids=["asked first", "asked later"])
async def test_a_frozen_leader_costs_an_election(cluster, store, is_asked):
    """At most one transaction more, and no request longer than its bound."""
    first(cluster, is_leader=is_asked)
    cluster.leader().freeze()
    await proof_is_old()
    began_s = time.monotonic()
    unknown = await committed(store)
    assert unknown <= 1
    assert time.monotonic() - began_s < (1 + unknown) * (TIMEOUT_S + SLACK_S)


async def test_a_transaction_that_may_have_been_taken_is_not_sent_again(cluster, store):
    """It says so. Whether it was written shows in a read."""
    timeout_s = store._gateway.timeout_s = 1.5
    await store.commit({"a": 0}, {"a": {"n": 1}})
    for member in cluster.members:
        member.freeze()
    began_s = time.monotonic()
    with pytest.raises(StoreUnavailableError, match="it may be written"):
        await store.commit({}, {"a": {"n": 2}})
    assert time.monotonic() - began_s < timeout_s + SLACK_S
    with pytest.raises(StoreUnavailableError, match=r"no answer .* no answer .* no answer") as caught:
        await store.commit({}, {"a": {"n": 3}})
    assert "may be written" not in str(caught.value)
    for member in cluster.members:
        member.thaw()
    cluster.wait(cluster.urls)
    assert (await store.read("a"))["a"].value in ({"n": 1}, {"n": 2})


async def test_a_member_without_a_majority_says_so_at_once(cluster, store):
    """It neither reads nor writes, and costs no time."""
    for member in cluster.members[1:]:
        member.kill()
    ends_at_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends_at_s:
        began_s = time.monotonic()
        with pytest.raises(StoreUnavailableError) as caught:
            await store.read("")
        if "no leader" in str(caught.value) and time.monotonic() - began_s < 0.2:
            break
    began_s = time.monotonic()
    with pytest.raises(StoreUnavailableError, match="no leader") as caught:
        await store.commit({}, {"a": {}})
    assert "may be written" not in str(caught.value)
    assert time.monotonic() - began_s < SLACK_S


async def test_all_lost_and_back(cluster, store):
    """Refused at once while they are away; then it works, and the watch tells of what came meanwhile."""
    changes = store.watch("")
    await store.commit({}, {"a": {}})
    assert await asyncio.wait_for(anext(changes), PATIENCE_S) == "a"
    for member in cluster.members:
        member.kill()
    await proof_is_old()
    began_s = time.monotonic()
    with pytest.raises(StoreUnavailableError) as caught:
        await store.commit({}, {"b": {}})
    assert time.monotonic() - began_s < SLACK_S
    assert "may be written" not in str(caught.value)
    for member in cluster.members:
        member.start()
    assert await committed(store) < 10
    assert await asyncio.wait_for(anext(changes), PATIENCE_S) == "a"
    await store.commit({}, {"b": {}})
    assert await asyncio.wait_for(anext(changes), PATIENCE_S) == "b"


async def test_a_watch_leaves_a_member_that_is_silent(cluster, store, prefix, monkeypatch):
    """And tells what changed while it waited there."""
    monkeypatch.setattr(_etcd_watch, "_IDLE_S", 0.5)
    member = first(cluster, is_leader=False)
    changes = store.watch("")
    await store.commit({}, {"a": {}})
    assert await asyncio.wait_for(anext(changes), PATIENCE_S) == "a"
    member.freeze()
    other = EtcdStore(cluster.urls[1:], prefix, SystemClock(), timeout_s=TIMEOUT_S)
    await other.commit({}, {"b": {}})
    assert await asyncio.wait_for(anext(changes), PATIENCE_S) == "b"
    await other.commit({}, {"c": {}})
    assert await asyncio.wait_for(anext(changes), PATIENCE_S) == "c"
    await other.close()


async def test_what_was_confirmed_is_counted_once_whatever_happens_to_the_members(cluster, prefix):
    """Two writers count up one record while members are frozen and killed: no write is lost, none doubled."""
    confirmed = unknown = 0
    is_over = False

    async def count(urls: list[str]) -> None:
        nonlocal confirmed, unknown
        store = EtcdStore(urls, prefix, SystemClock(), timeout_s=1.0)
        while not is_over:
            try:
                seen = (await store.read("n")).get("n")
                n = seen.value["n"] if seen else 0
                try:
                    await store.commit({"n": seen.revision if seen else 0}, {"n": {"n": n + 1}})
                    confirmed += 1
                except StoreUnavailableError as error:
                    unknown += "may be written" in str(error)
            except (StoreUnavailableError, StoreConflictError):
                await asyncio.sleep(0.01)
        await store.close()

    async def at_least(number: int) -> None:
        await until(lambda: confirmed >= number)

    writers = [asyncio.ensure_future(count(urls)) for urls in (cluster.urls, cluster.urls[::-1])]
    for member in cluster.members:
        before = confirmed
        member.freeze()
        await asyncio.sleep(0.8)
        member.thaw()
        await at_least(before + 5)
    cluster.leader().kill()
    before = confirmed
    await at_least(before + 20)
    is_over = True
    await asyncio.gather(*writers)
    reader = EtcdStore(cluster.urls, prefix, SystemClock(), timeout_s=PATIENCE_S)
    total = (await reader.read("n"))["n"].value["n"]
    await reader.close()
    assert confirmed <= total <= confirmed + unknown


async def test_members_of_two_clusters_are_not_one_store(cluster, etcd, prefix):
    """Revisions of one mean nothing in the other: such a configuration shall fence nobody."""
    store = EtcdStore([cluster.urls[0], etcd.urls[0]], prefix, SystemClock(), timeout_s=TIMEOUT_S)
    revision = await store.commit({"a": 0}, {"a": {}})
    cluster.members[0].kill()
    await proof_is_old()
    with pytest.raises(StoreUnavailableError, match="another cluster"):
        await store.commit({"a": revision}, {"a": {}})
    with pytest.raises(StoreUnavailableError, match="another cluster"):
        await store.read("")
    await store.close()
