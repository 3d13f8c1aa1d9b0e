"""The store's contract, on the fake, on the simulated one, on the local file and on a real etcd."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest

from contracts.simulated_worlds import SimulatedStoreWorld
from contracts.waiting import PATIENCE_S
from fakes.store import FakeStore
from nova_watchdog.adapters import local_store
from nova_watchdog.adapters.clock import SystemClock
from nova_watchdog.adapters.etcd import EtcdStore
from nova_watchdog.adapters.local_store import LocalStore
from nova_watchdog.ports import Store, StoreConflictError

NUMBERS = itertools.count()


@pytest.fixture(params=["fake", "simulated", "local file", pytest.param("etcd", marks=pytest.mark.real)])
async def store(request, tmp_path, monkeypatch) -> AsyncIterator[Store]:
    if request.param == "fake":
        yield FakeStore()
        return
    if request.param == "simulated":
        world = SimulatedStoreWorld()
        yield world.port
        await world.close()
        return
    if request.param == "etcd":
        urls = request.getfixturevalue("etcd").urls
        shared = EtcdStore(urls, f"/contract-{next(NUMBERS)}/", SystemClock(), timeout_s=PATIENCE_S)
        yield shared
        await shared.close()
        return
    monkeypatch.setattr(local_store, "_TIMEOUT_S", PATIENCE_S)  # the disk may be busy
    local = LocalStore(tmp_path / "store.json")
    await local.open()
    yield local
    await local.close()


async def test_an_empty_store_has_no_records(store):
    """Reading what was never written gives nothing, and no error."""
    assert dict(await store.read("")) == {}


async def test_a_written_record_is_read_with_its_revision(store):
    """The revision of a record is that of its last change."""
    revision = await store.commit({}, {"pairings/a": {"phase": "watching", "starts": [1.5, 2]}})
    found = (await store.read("pairings/"))["pairings/a"]
    assert found.value == {"phase": "watching", "starts": [1.5, 2]}
    assert found.revision == revision > 0


async def test_revisions_grow_with_each_commit(store):
    """A later commit has a greater revision; a record that it did not write keeps its own."""
    first = await store.commit({}, {"a": {"n": 1}})
    second = await store.commit({}, {"b": {"n": 1}})
    found = await store.read("")
    assert second > first
    assert found["a"].revision == first
    assert found["b"].revision == second


async def test_a_prefix_selects(store):
    """Only keys below the prefix are read."""
    await store.commit({}, {"pairings/a": {}, "pairings/b": {}, "controllers/c": {}})
    assert set(await store.read("pairings/")) == {"pairings/a", "pairings/b"}


async def test_a_commit_with_the_right_revisions_writes_all(store):
    """Several records change together."""
    revision = await store.commit({"a": 0, "b": 0}, {"a": {"n": 1}, "b": {"n": 1}})
    await store.commit({"a": revision, "b": revision}, {"a": {"n": 2}, "b": {"n": 2}})
    assert {key: record.value["n"] for key, record in (await store.read("")).items()} == {"a": 2, "b": 2}


async def test_a_commit_with_one_wrong_revision_writes_nothing(store):
    """One comparison that fails is enough, also for the records that were compared well."""
    revision = await store.commit({}, {"a": {"n": 1}})
    with pytest.raises(StoreConflictError, match="b"):
        await store.commit({"a": revision, "b": 7}, {"a": {"n": 2}, "c": {"n": 2}})
    assert {key: record.value["n"] for key, record in (await store.read("")).items()} == {"a": 1}


async def test_revision_zero_means_absent(store):
    """Who expects a record to be absent loses against the one who wrote it."""
    await store.commit({"a": 0}, {"a": {"n": 1}})
    with pytest.raises(StoreConflictError):
        await store.commit({"a": 0}, {"a": {"n": 2}})


async def test_of_two_writers_with_the_same_revision_one_wins(store):
    """The comparison and the write are one step."""
    revision = await store.commit({}, {"a": {"n": 0}})
    results = await asyncio.gather(
        *(store.commit({"a": revision}, {"a": {"n": number}}) for number in (1, 2)), return_exceptions=True
    )
    assert sorted(isinstance(result, StoreConflictError) for result in results) == [False, True]


async def test_what_was_read_is_a_copy(store):
    """Changing a value that was read changes nothing in the store."""
    await store.commit({}, {"a": {"list": [1]}})
    (await store.read("a"))["a"].value["list"].append(2)
    assert (await store.read("a"))["a"].value == {"list": [1]}


async def test_what_was_written_is_a_copy(store):
    """Changing a value after it was committed changes nothing in the store."""
    value = {"list": [1]}
    await store.commit({}, {"a": value})
    value["list"].append(2)
    assert (await store.read("a"))["a"].value == {"list": [1]}


async def test_a_watch_tells_of_changes_below_its_prefix(store):
    """From the moment it was made, without anybody waiting yet."""
    changes = store.watch("pairings/")
    await store.commit({}, {"controllers/c": {}})
    await store.commit({}, {"pairings/a": {}})
    assert await asyncio.wait_for(anext(changes), PATIENCE_S) == "pairings/a"


async def test_a_watch_wakes_a_waiting_reader(store):
    """A change that comes later ends the wait."""
    changes = store.watch("a")
    waiting = asyncio.ensure_future(anext(changes))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    await store.commit({}, {"a": {"n": 1}})
    assert await asyncio.wait_for(waiting, PATIENCE_S) == "a"


async def test_a_slow_watcher_gets_the_last_change(store):
    """Changes may merge, but after the last one the watcher is told once more."""
    changes = store.watch("a")
    for number in range(20):
        await store.commit({}, {"a": {"n": number}})
    assert await asyncio.wait_for(anext(changes), PATIENCE_S) == "a"
    assert (await store.read("a"))["a"].value == {"n": 19}
