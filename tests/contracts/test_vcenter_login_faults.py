"""Logins that vCenter answers with a fault which is no refusal."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from fakes.clock import FakeClock
from nova_watchdog.adapters._vcenter_sdk import vmodl
from nova_watchdog.adapters._vcenter_session import VCenterSession
from nova_watchdog.ports import ProbeError


class _Session(VCenterSession):
    """A session whose vCenter answers each login with SystemError, as while its sign-on service starts."""

    def __init__(self, clock):
        super().__init__(
            "192.0.2.1",
            443,
            "u",
            lambda: "p",
            ("c",),
            ca_file=None,
            insecure=False,
            timeout_s=1,
            clock=clock,
        )
        self.logins = 0

    def _connect(self):
        self._stub = SimpleNamespace(cookie="", DropConnections=lambda: None)
        self._content = SimpleNamespace(sessionManager=SimpleNamespace(Login=self._login))

    def _login(self, **_):
        self.logins += 1
        raise vmodl.fault.SystemError


async def test_they_are_too_few_to_lock_the_account():
    """It may count as a failed login, and five of those in 180 s lock the account for everyone."""
    clock = FakeClock()
    session = _Session(clock)
    with pytest.raises(ProbeError, match="SystemError"):
        session.read()
    assert "ended in SystemError; the next try is in 60 s" in session.read().detail
    for _ in range(170):
        await clock.advance(1)
        try:
            session.read()
        except ProbeError:
            continue
    assert session.logins == 3
