"""What the local store does with its file: crashes, other daemons, and files it does not understand."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import sys

import pytest

from contracts.waiting import PATIENCE_S
from nova_watchdog.adapters import local_store
from nova_watchdog.adapters.local_store import LocalStore, StoreLockedError
from nova_watchdog.ports import StoreUnavailableError


@pytest.fixture(autouse=True)
def _busy_disk(monkeypatch):
    """The disk of the machine that tests may be slow; no test here is about that."""
    monkeypatch.setattr(local_store, "_TIMEOUT_S", PATIENCE_S)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.json"


async def _opened(path):
    store = LocalStore(path)
    await store.open()
    return store


async def test_records_outlive_the_daemon(path):
    """A second daemon reads what the first one wrote, and continues its revisions."""
    first = await _opened(path)
    revision = await first.commit({}, {"a": {"n": 1}})
    await first.close()
    second = await _opened(path)
    assert (await second.read("a"))["a"].revision == revision
    assert await second.commit({"a": revision}, {"a": {"n": 2}}) == revision + 1
    await second.close()


async def test_the_file_is_for_its_owner_only(path):
    """Mode 0600, whatever the umask."""
    before = os.umask(0)
    try:
        store = await _opened(path)
        await store.commit({}, {"a": {}})
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {entry.name for entry in path.parent.iterdir()} == {"store.json", "store.json.lock"}
    await store.close()


async def test_the_file_has_the_documented_format(path):
    """`format`, `revision` and `records`, as other tools may read it."""
    store = await _opened(path)
    await store.commit({}, {"a": {"n": 1}})
    assert json.loads(path.read_text()) == {
        "format": 1,
        "revision": 1,
        "records": {"a": {"value": {"n": 1}, "revision": 1}},
    }
    await store.close()


_OTHER_DAEMON = """
import asyncio, pathlib, sys
from nova_watchdog.adapters.local_store import LocalStore, StoreLockedError

async def hold():
    store = LocalStore(pathlib.Path(sys.argv[1]))
    await store.open()
    await store.commit({}, {"held": {}})
    print("open", flush=True)
    await asyncio.sleep(600)

asyncio.run(hold())
"""


async def _other_daemon(path):
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _OTHER_DAEMON,
        str(path),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


async def test_a_second_daemon_is_refused_and_told_who_holds_it(path):
    """The lock is held for the whole life; the error names the process."""
    holder = await _opened(path)
    second = await _other_daemon(path)
    _, stderr = await asyncio.wait_for(second.communicate(), 2 * PATIENCE_S)
    assert second.returncode != 0
    assert f"another daemon has this store open (pid {os.getpid()})" in stderr.decode()
    assert dict(await holder.read("")) == {}
    await holder.close()


async def test_the_lock_ends_with_a_killed_daemon(path):
    """While it lives it is named as the holder; kill -9 leaves no lock behind, and its records stay."""
    daemon = await _other_daemon(path)
    assert await asyncio.wait_for(daemon.stdout.readline(), 2 * PATIENCE_S) == b"open\n"
    with pytest.raises(StoreUnavailableError, match=rf"\(pid {daemon.pid}\)"):
        await _opened(path)
    daemon.kill()
    await daemon.communicate()
    store = await _opened(path)
    assert set(await store.read("")) == {"held"}
    await store.close()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not JSON"),
        (b'{"format": 1, "revision": 3, "rec', "not JSON"),
        (b"[]", "not a file of this program"),
        (b'{"some": "other"}', "not a file of this program"),
        (b'{"format": 2, "revision": 1, "records": {}}', "format 2, this version reads 1"),
        (b'{"format": 1, "revision": "x", "records": {}}', "`revision` is 'x'"),
        (b'{"format": 1, "revision": true, "records": {}}', "`revision` is True"),
        (b'{"format": 1, "revision": 1, "records": []}', "`records` is no object"),
        (b'{"format": 1, "revision": 1, "records": {"a": {"value": 3}}}', "'a' has no `value` object"),
        (b'{"format": 1, "revision": 1, "records": {"a": {"value": {}}}}', "`revision` is None"),
        (b"\xff\xfe", "not UTF-8"),
        (b" " * (4 * 1024 * 1024 + 1), "4194305 bytes, more than"),
    ],
)
async def test_a_file_that_is_not_understood_stays_as_it_is(path, content, reason):
    """The error names file and reason, and nothing is overwritten."""
    path.write_bytes(content)
    store = LocalStore(path)
    with pytest.raises(StoreUnavailableError) as caught:
        await store.open()
    assert str(path) in str(caught.value)
    assert reason in str(caught.value)
    with pytest.raises(StoreUnavailableError) as caught:
        await store.commit({}, {"a": {}})
    assert reason in str(caught.value)
    assert path.read_bytes() == content


async def test_a_store_that_failed_to_open_can_be_opened_after_the_repair(path):
    """The lock is given back with the error."""
    path.write_text("broken")
    with pytest.raises(StoreUnavailableError):
        await _opened(path)
    path.unlink()
    store = await _opened(path)
    assert dict(await store.read("")) == {}
    await store.close()


@pytest.mark.parametrize("kind", ["directory", "fifo"])
async def test_something_else_in_the_files_place_is_refused(path, kind):
    """A directory or a named pipe neither hangs the start nor is replaced."""
    if kind == "directory":
        path.mkdir()
    else:
        os.mkfifo(path)
    with pytest.raises(StoreUnavailableError, match=r"not a regular file|directory"):
        await _opened(path)


async def test_a_missing_directory_is_named(tmp_path):
    """The error says which file cannot be made."""
    with pytest.raises(StoreUnavailableError, match=r"store\.json\.lock: the lock file cannot be opened"):
        await _opened(tmp_path / "absent" / "store.json")


async def test_a_write_that_fails_leaves_the_old_content(path, monkeypatch):
    """A full disk: the error names it, and both the file and what is read stay as they were."""
    store = await _opened(path)
    await store.commit({}, {"a": {"n": 1}})
    before = path.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(StoreUnavailableError, match="No space left on device"):
            await store.commit({}, {"a": {"n": 2}})
    assert path.read_bytes() == before
    assert (await store.read("a"))["a"].value == {"n": 1}
    assert await store.commit({}, {"a": {"n": 3}}) == 2
    await store.close()


async def test_a_store_that_could_not_be_opened_is_tried_again_when_it_is_used(tmp_path):
    """A disk is mended, a torn file is put right: the daemon that ran on meanwhile goes on with it."""
    path = tmp_path / "store.json"
    path.write_text("{torn")
    store = LocalStore(path)
    with pytest.raises(StoreUnavailableError):
        await store.open()
    with pytest.raises(StoreUnavailableError):
        await store.read("")
    assert path.read_text() == "{torn"
    path.unlink()
    assert await store.read("") == {}
    assert await store.commit({"a": 0}, {"a": {"b": 1}}) > 0
    other = LocalStore(path)
    with pytest.raises(StoreLockedError, match="another daemon"):
        await other.open()
    await store.close()
    with pytest.raises(StoreUnavailableError, match="closed"):
        await store.read("")
