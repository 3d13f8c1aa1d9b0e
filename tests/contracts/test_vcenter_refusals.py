"""A login that failed is remembered by the next process of the same controller too."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import threading
from types import SimpleNamespace

import pytest

from fakes.clock import FakeClock
from nova_watchdog.adapters._refusals import RefusalMemory
from nova_watchdog.adapters._vcenter_sdk import vim, vmodl
from nova_watchdog.adapters._vcenter_session import VCenterSession
from nova_watchdog.core.model import VCenterOutcome
from nova_watchdog.ports import ProbeError

_SECRET = "correct horse battery staple"


class _Session(VCenterSession):
    """A session whose vCenter answers each login with one fault, or, without one, takes it."""

    def __init__(self, clock, file, *, password=_SECRET, user="u", fault=vim.fault.InvalidLogin):
        super().__init__(
            "192.0.2.1",
            443,
            user,
            lambda: password,
            ("c",),
            ca_file=None,
            insecure=False,
            timeout_s=1,
            clock=clock,
            memory_file=file,
        )
        self._fault = fault
        self.logins = 0

    def _connect(self):
        self._stub = SimpleNamespace(cookie="", DropConnections=lambda: None)
        about = SimpleNamespace(instanceUuid="uuid")
        self._content = SimpleNamespace(sessionManager=SimpleNamespace(Login=self._answer), about=about)

    def _answer(self, **_):
        self.logins += 1
        if self._fault is not None:
            raise self._fault
        return SimpleNamespace(key="key", userName="u")

    def _clusters(self):
        return {"c": "domain-c1"}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "vcenter-logins.json"


def _refused(clock, file, **options):
    session = _Session(clock, file, **options)
    view = session.read()
    assert view.outcome is VCenterOutcome.LOGIN_REFUSED
    return session.logins, view.detail


async def test_the_next_daemon_does_not_send_a_refused_password_again(file):
    """However often it restarts, and it says why and until when."""
    clock = FakeClock()
    assert _refused(clock, file)[0] == 1
    await clock.advance(60)
    for _ in range(5):
        logins, detail = _refused(clock, file)
        assert logins == 0
        assert "InvalidLogin 60 s ago" in detail
        assert "in 1740 s" in detail


async def test_the_next_daemon_tries_again_after_half_an_hour(file):
    """Counted from the refusal, not from its own start; and that one is remembered in turn."""
    clock = FakeClock()
    _refused(clock, file)
    await clock.advance(1799)
    assert _refused(clock, file)[0] == 0
    await clock.advance(2)
    assert _refused(clock, file)[0] == 1
    assert _refused(clock, file)[0] == 0


def test_a_changed_secret_is_tried_at_once(file):
    """And the refusal of the new one takes the place of the old."""
    clock = FakeClock()
    _refused(clock, file)
    assert _refused(clock, file, password="new")[0] == 1
    assert _refused(clock, file, password="new")[0] == 0


def test_another_account_has_a_memory_of_its_own(file):
    """Both stand side by side in the one file."""
    clock = FakeClock()
    _refused(clock, file)
    assert _refused(clock, file, user="other")[0] == 1
    assert _refused(clock, file)[0] == 0
    assert _refused(clock, file, user="other")[0] == 0


def test_a_second_process_sees_the_refusal_before_each_login(file):
    """`check` beside the daemon: the one that comes later keeps still."""
    clock = FakeClock()
    daemon, check = (_Session(clock, file) for _ in range(2))
    check.read()
    assert daemon.read().outcome is VCenterOutcome.LOGIN_REFUSED
    assert (check.logins, daemon.logins) == (1, 0)


def test_a_login_that_succeeds_ends_the_memory(file):
    """The password works again, perhaps because it was changed at vCenter."""
    clock = FakeClock()
    _refused(clock, file)
    assert _Session(clock, file, password="new", fault=None).read().outcome is VCenterOutcome.OK
    assert json.loads(file.read_text())["accounts"] == {}


def test_a_success_without_a_memory_writes_nothing(file):
    """The usual case leaves no file behind."""
    assert _Session(FakeClock(), file, fault=None).read().outcome is VCenterOutcome.OK
    assert not file.exists()


async def test_a_faulty_login_is_not_repeated_by_a_daemon_that_restarts_in_a_loop(file):
    """It may count as a failed login at vCenter: a minute apart they lock nothing."""
    clock = FakeClock()
    logins = 0
    for _ in range(180):
        session = _Session(clock, file, fault=vmodl.fault.SystemError)
        with contextlib.suppress(ProbeError):
            assert "ended in SystemError" in session.read().detail
        logins += session.logins
        await clock.advance(1)
    assert logins == 3


def test_monotonic_time_of_another_boot_says_nothing(file):
    """The refusal could be of any age."""
    _refused(FakeClock(boot_id="boot-1"), file)
    assert _refused(FakeClock(boot_id="boot-2"), file)[0] == 1


def test_a_refusal_out_of_the_future_says_nothing(file):
    """No clock of this boot was ever there."""
    _refused(FakeClock(now_s=5000), file)
    assert _refused(FakeClock(now_s=1000), file)[0] == 1


def test_the_file_holds_no_password_and_is_for_its_owner_only(file):
    """The same password gives another hash each time: equal secrets do not show."""
    clock = FakeClock()
    _refused(clock, file)
    _refused(clock, file, user="other")
    text = file.read_text()
    assert _SECRET not in text
    assert _SECRET.encode().hex() not in text
    first, second = json.loads(text)["accounts"].values()
    assert first["digest"] != second["digest"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in file.parent.iterdir()] == [file.name]


_BROKEN = {
    "empty": b"",
    "no JSON": b"{",
    "no UTF-8": b"\xff\xfe",
    "nested too deep": b"[" * 100_000,
    "another kind": b"[]",
    "another format": b'{"format": 2, "accounts": {}}',
    "accounts of a wrong kind": b'{"format": 1, "accounts": []}',
    "an account of a wrong kind": b'{"format": 1, "accounts": {"192.0.2.1:443/u": 1}}',
    "missing fields": b'{"format": 1, "accounts": {"192.0.2.1:443/u": {"salt": "00"}}}',
}


@pytest.mark.parametrize("content", _BROKEN.values(), ids=_BROKEN.keys())
def test_a_broken_file_is_no_memory_and_is_replaced(file, content):
    """It never stops the daemon from looking."""
    clock = FakeClock()
    file.write_bytes(content)
    assert _refused(clock, file)[0] == 1
    assert _refused(clock, file)[0] == 0


_WRONG_FIELDS = {
    "salt": "no hex",
    "digest": "\u00e9",
    "boot_id": 1,
    "at_s": "1000",
    "pause_s": float("inf"),
    "is_verdict": "yes",
}


@pytest.mark.parametrize(("name", "value"), _WRONG_FIELDS.items())
def test_an_entry_with_a_wrong_field_is_no_memory(file, name, value):
    """Whoever wrote it: it never crashes, and never forbids a login for ever."""
    clock = FakeClock()
    _refused(clock, file)
    document = json.loads(file.read_text())
    document["accounts"]["192.0.2.1:443/u"][name] = value
    file.write_text(json.dumps(document))
    assert _refused(clock, file)[0] == 1


def test_a_pipe_in_its_place_does_not_hang_the_canary(file):
    """It is no memory either."""
    os.mkfifo(file)
    assert _refused(FakeClock(), file)[0] == 1


def test_a_directory_that_cannot_be_written_costs_the_next_process_only(tmp_path):
    """This one keeps its own memory: a full disk must not lock the account."""
    session = _Session(FakeClock(), tmp_path / "absent" / "file")
    for _ in range(3):
        assert session.read().outcome is VCenterOutcome.LOGIN_REFUSED
    assert session.logins == 1


def test_a_removed_file_does_not_make_the_running_daemon_forget(file):
    """It lives in the runtime directory, which others may clean."""
    session = _Session(FakeClock(), file)
    session.read()
    file.unlink()
    session.read()
    assert session.logins == 1


def test_vcenters_that_refuse_at_the_same_moment_are_all_remembered(file):
    """Each has a thread of its own, and there is one file."""
    clock = FakeClock()
    accounts = [f"vcenter{n}:443/u" for n in range(20)]
    memories = [RefusalMemory(clock, file, account) for account in accounts]
    threads = [
        threading.Thread(target=one.add, args=(_SECRET, "InvalidLogin", 1800.0), kwargs={"is_verdict": True})
        for one in memories
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(json.loads(file.read_text())["accounts"]) == set(accounts)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_written_by_root_can_be_read_by_the_daemon(file):
    """`check` run by root beside a daemon with an account of its own: the directory's owner gets it."""
    os.chown(file.parent, 12345, 12346)
    _refused(FakeClock(), file)
    assert (file.stat().st_uid, file.stat().st_gid) == (12345, 12346)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
