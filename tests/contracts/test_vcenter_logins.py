"""How often the vCenter adapter logs in when the logins themselves fail in odd ways."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from fakes.clock import FakeClock
from nova_watchdog.adapters._vcenter_session import VCenterSession
from nova_watchdog.core.model import VCenterOutcome
from nova_watchdog.ports import ProbeError


class _Session(VCenterSession):
    """A session whose vCenter answers everything but the login."""

    def __init__(self, clock, password=lambda: "p"):
        super().__init__(
            "192.0.2.1", 443, "u", password, ("c",), ca_file=None, insecure=False, timeout_s=1, clock=clock
        )
        self.logins = 0

    def _connect(self):
        self._stub = SimpleNamespace(cookie="", DropConnections=lambda: None)
        self._content = SimpleNamespace(sessionManager=SimpleNamespace(Login=self._login))

    def _login(self, **_):
        self.logins += 1
        raise TimeoutError


async def test_a_login_without_an_answer_is_not_repeated_at_once():
    """Each may have made a session on a slow vCenter: one in half a minute leaves no heap of them."""
    clock = FakeClock()
    session = _Session(clock)
    assert "no answer" in session.read().detail
    await clock.advance(29)
    view = session.read()
    assert view.outcome is VCenterOutcome.UNREACHABLE
    assert "the last login got no answer; the next try is in 1 s" in view.detail
    assert session.logins == 1
    await clock.advance(2)
    session.read()
    assert session.logins == 2


@pytest.mark.parametrize("error", [OSError("gone"), ValueError("secret text")])
def test_a_password_that_cannot_be_read_is_a_failed_probe(error):
    """It is our own fault and says nothing about vCenter. The reason does not repeat the error's text."""

    def password():
        raise error

    with pytest.raises(ProbeError, match="password cannot be read") as caught:
        _Session(FakeClock(), password).read()
    assert str(error) not in str(caught.value)


def test_a_ca_file_that_cannot_be_loaded_is_a_failed_probe(tmp_path):
    """As is one that holds no certificate."""
    broken = tmp_path / "ca.pem"
    broken.write_text("no certificate")
    for path in (broken, tmp_path / "absent.pem"):
        session = VCenterSession(
            "192.0.2.1",
            443,
            "u",
            lambda: "p",
            ("c",),
            ca_file=path,
            insecure=False,
            timeout_s=1,
            clock=FakeClock(),
        )
        with pytest.raises(ProbeError, match=path.name):
            session.read()
