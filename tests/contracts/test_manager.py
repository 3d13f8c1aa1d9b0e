"""The service manager's contract, on the fake and on real datagrams of sd_notify(3)."""

from __future__ import annotations

import contextlib
import socket

import pytest

from fakes.manager import FakeManager
from nova_watchdog.adapters.sd_notify import SdNotify


class _Socket:
    """What systemd does at the other end of `$NOTIFY_SOCKET`."""

    def __init__(self, address, variable):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.settimeout(20)
        self.manager = SdNotify({"NOTIFY_SOCKET": variable})

    def next(self):
        lines = dict(line.split("=", 1) for line in self._socket.recv(4096).decode().splitlines())
        words = {"READY": "ready", "WATCHDOG": "alive", "STOPPING": "stopping"}
        (what,) = (word for key, word in words.items() if lines.get(key) == "1")
        return what, lines.get("STATUS", "")

    def close(self):
        self._socket.close()


class _Fake:
    def __init__(self):
        self.manager = FakeManager()

    def next(self):
        return self.manager.told.pop(0)

    def close(self):
        """Nothing to close."""


@pytest.fixture(params=["fake", "path", "abstract"])
def end(request, tmp_path):
    if request.param == "fake":
        made: _Fake | _Socket = _Fake()
    elif request.param == "path":
        path = str(tmp_path / "notify")
        made = _Socket(path, path)
    else:
        name = f"nova-watchdog-test-{tmp_path.name}"
        made = _Socket("\0" + name, "@" + name)
    with contextlib.closing(made):
        yield made


def test_the_manager_hears_ready_alive_and_stopping_in_order(end):
    """Each message arrives once, with its status."""
    end.manager.ready("watching 2 pairings")
    end.manager.alive("2 healthy")
    end.manager.stopping()
    assert [end.next() for _ in range(3)] == [
        ("ready", "watching 2 pairings"),
        ("alive", "2 healthy"),
        ("stopping", ""),
    ]


def test_without_a_manager_nothing_happens():
    """A daemon started by hand has no `$NOTIFY_SOCKET`."""
    manager = SdNotify({})
    manager.ready("x")
    manager.alive("x")
    manager.stopping()


def test_a_manager_that_went_away_is_no_error(tmp_path):
    """The socket's path may be gone."""
    SdNotify({"NOTIFY_SOCKET": str(tmp_path / "gone")}).alive("x")


def test_a_status_cannot_forge_another_assignment(tmp_path):
    """Line breaks in the status are flattened."""
    end = _Socket(str(tmp_path / "n"), str(tmp_path / "n"))
    with contextlib.closing(end):
        end.manager.alive("2 healthy\nSTOPPING=1")
        assert end._socket.recv(4096) == b"WATCHDOG=1\nSTATUS=2 healthy STOPPING=1"


def test_a_full_queue_does_not_block(tmp_path):
    """systemd that does not read its socket must not hold the daemon."""
    end = _Socket(str(tmp_path / "n"), str(tmp_path / "n"))
    with contextlib.closing(end):
        for _ in range(2000):
            end.manager.alive("x")
