"""Nova's transport URL and its options, read as oslo.messaging reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.bus_worlds import options
from nova_watchdog.adapters._bus_access import Broker, bus_access
from nova_watchdog.config.transport import NOT_UNDERSTOOD, redact
from nova_watchdog.ports import ProbeError


@pytest.mark.parametrize(
    ("url", "brokers", "virtual_host"),
    [
        ("rabbit://u:p@h:5673/v", [Broker("h", 5673, "u", "p")], "v"),
        ("rabbit://u:p@h", [Broker("h", 5672, "u", "p")], "/"),
        ("rabbit://u:p@h/", [Broker("h", 5672, "u", "p")], "/"),
        ("rabbit://u:p@h//nova", [Broker("h", 5672, "u", "p")], "/nova"),
        ("rabbit://u:p@h/%2Fnova", [Broker("h", 5672, "u", "p")], "/nova"),
        ("rabbit://h:5672/", [Broker("h", 5672, "guest", "guest")], "/"),
        ("rabbit://u:p%40%3A%2F@h/", [Broker("h", 5672, "u", "p@:/")], "/"),
        ("rabbit://u:p:q@h/", [Broker("h", 5672, "u", "p:q")], "/"),
        ("rabbit://u:p@[2001:db8::1]:5672/", [Broker("2001:db8::1", 5672, "u", "p")], "/"),
        (
            "rabbit://u:p@a:5672,v:q@b:5673/x",
            [Broker("a", 5672, "u", "p"), Broker("b", 5673, "v", "q")],
            "x",
        ),
        ("rabbit://u:p@a,,u:p@b/x", [Broker("a", 5672, "u", "p"), Broker("b", 5672, "u", "p")], "x"),
    ],
)
def test_the_url_names_brokers_accounts_and_a_virtual_host(url, brokers, virtual_host):
    """Several brokers share the virtual host; what is quoted is unquoted once."""
    access = bus_access(options(url))
    assert (list(access.brokers), access.virtual_host) == (brokers, virtual_host)


def test_without_ssl_there_is_no_tls():
    """Nova's default."""
    assert bus_access(options("rabbit://u:p@h/")).tls is None


def test_the_query_part_of_the_url_overrides_the_section():
    """As oslo.messaging does it."""
    url = "rabbit://u:p@h/v?ssl=yes&ssl_ca_file=/ca.pem&rabbit_login_method=EXTERNAL"
    access = bus_access(options(url, ssl=False, ssl_ca_file="/other.pem", ssl_key_file="/key.pem"))
    assert access.tls is not None
    assert (access.tls.ca_file, access.tls.key_file, access.login_method) == (
        "/ca.pem",
        "/key.pem",
        "EXTERNAL",
    )


def test_an_address_is_shown_without_its_account():
    """Brackets around IPv6."""
    broker = Broker("2001:db8::1", 5672, "user-name", "pass-word")
    assert broker.address == "[2001:db8::1]:5672"
    assert "user-name" not in repr(broker)
    assert "pass-word" not in repr(broker)


def test_a_changed_secret_is_another_access():
    """So that a refusal ends, and the connection is made anew."""
    before, after = (bus_access(options(f"rabbit://u:{word}@h/")) for word in ("old", "new"))
    assert before != after
    assert before.secret != after.secret


@given(st.text(st.sampled_from("abAB01:/@,?#[]%.$-_ é"), max_size=20), st.sampled_from(["", "@h:1/v", "@h"]))
def test_what_is_shown_as_understood_can_be_used(middle, end):
    """The configuration tells of a bus it does not watch by what `redact` understands."""
    url = f"rabbit://{middle}{end}"
    redacted = redact(url)
    if redacted == NOT_UNDERSTOOD or redacted.removeprefix("rabbit://")[:1] in ("", "/"):
        return
    try:
        access = bus_access(options(url.replace("$", "$$")))
    except ProbeError as error:
        assert "transport_url" in str(error)  # noqa: PT017 - a port out of range, and the like
    else:
        assert access.brokers
