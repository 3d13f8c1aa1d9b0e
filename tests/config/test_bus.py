"""The message buses behind the pairings, as nova's own files describe them."""

from __future__ import annotations

import pytest

from config.sites import Site
from nova_watchdog.adapters._bus_access import bus_access

URL = "rabbit://nova:bus-password@192.0.2.1:5672/nova"
KEY = "rabbit://192.0.2.1:5672/nova"


def set_url(site: Site, name: str, url: str) -> None:
    """Give one pairing a transport URL of its own."""
    site.edit(f"{name}.conf", {"[vmware]": f"transport_url = {url}\n[vmware]"})


def test_pairings_with_one_url_share_one_bus(site: Site) -> None:
    """One connection for all of them, with the defaults of [bus]."""
    settings = site.load()
    assert list(settings.buses) == [KEY]
    bus = settings.buses[KEY]
    assert bus.hosts == ("vcenter-cluster-a", "vcenter-cluster-b")
    assert bus.pairings == ("cluster-a", "cluster-b")
    assert (bus.interval_s, bus.timeout_s, bus.ping_timeout_s) == (10, 12, 5)
    assert [one.pairing.bus for one in settings.pairings] == [KEY, KEY]


def test_pairings_with_two_urls_have_two_buses(site: Site) -> None:
    """As in a cloud with cells."""
    set_url(site, "cluster-b", "rabbit://nova:other@192.0.2.2:5672/nova")
    settings = site.load()
    assert [(bus.key, bus.pairings) for bus in settings.buses.values()] == [
        (KEY, ("cluster-a",)),
        ("rabbit://192.0.2.2:5672/nova", ("cluster-b",)),
    ]
    assert settings.pairings[1].pairing.bus == "rabbit://192.0.2.2:5672/nova"


@pytest.mark.parametrize(
    ("url", "note"),
    [
        ("fake://", "[DEFAULT] transport_url fake:// names no RabbitMQ"),
        ("rabbit://", "[DEFAULT] transport_url rabbit:// names no RabbitMQ"),
        ("amqp://nova:pass-word@h:5672/v", "[DEFAULT] transport_url amqp://h:5672/v names no RabbitMQ"),
        ("rabbit://nova:pass@word@h:5672/v", "[DEFAULT] transport_url is not understood"),
    ],
)
def test_what_is_no_rabbitmq_has_no_bus_and_a_note(site: Site, url: str, note: str) -> None:
    """It costs what the bus would have shown, and nothing else."""
    set_url(site, "cluster-a", url)
    settings = site.load()
    assert [bus.pairings for bus in settings.buses.values()] == [("cluster-b",)]
    assert settings.pairings[0].pairing.bus == ""
    assert f"pairing.cluster-a: its message bus is not watched: {note}" in settings.notes
    assert not any("pass" in one for one in settings.notes)


def test_an_unusable_tls_option_has_no_bus_and_a_note(site: Site) -> None:
    """Nova itself would not start with it; the watchdog does."""
    site.append("cluster-a.conf", "[oslo_messaging_rabbit]\nssl = maybe\n")
    settings = site.load()
    assert settings.pairings[0].pairing.bus == ""
    assert any('[oslo_messaging_rabbit] ssl is "maybe"' in note for note in settings.notes)


def test_another_account_for_the_same_bus_is_noted(site: Site) -> None:
    """The first one's is used, and neither is shown."""
    set_url(site, "cluster-b", URL.replace("bus-password", "bus-rotated"))
    settings = site.load()
    assert settings.buses[KEY].pairings == ("cluster-a", "cluster-b")
    (note,) = [note for note in settings.notes if "message bus" in note]
    assert "differ from pairing.cluster-a's" in note
    assert "bus-" not in note


def test_the_options_are_novas_own(site: Site) -> None:
    """What the adapter needs, with nova's defaults, and nova's older names."""
    site.append(
        "nova.conf",
        "control_exchange = openstack\n[oslo_messaging_rabbit]\nssl = true\n"
        "kombu_ssl_ca_certs = /etc/ssl/bus.pem\nrabbit_login_method = PLAIN\n",
    )
    access = bus_access(site.load().buses[KEY].conf())
    assert (access.exchange, access.login_method) == ("openstack", "PLAIN")
    assert access.tls is not None
    assert (access.tls.ca_file, access.tls.check_hostname) == ("/etc/ssl/bus.pem", False)


@pytest.mark.parametrize("password", ["a$$b", "a$$$$b", "a%24b"])
def test_a_dollar_in_the_password_arrives_as_nova_reads_it(site: Site, password: str) -> None:
    """It is replaced once, not twice."""
    site.edit("nova.conf", {"bus-password": password})
    (broker,) = bus_access(site.load().buses[KEY].conf()).brokers
    assert broker.password == {"a$$b": "a$b", "a$$$$b": "a$$b", "a%24b": "a$b"}[password]


def test_a_rotated_secret_is_found(site: Site) -> None:
    """Nova's files are looked at before each round."""
    conf = site.load().buses[KEY].conf
    site.edit("nova.conf", {"bus-password": "bus-rotated"})
    assert bus_access(conf()).brokers[0].password == "bus-rotated"


@pytest.mark.parametrize("broken", ["transport_url = rabbit://$nothing:x@h/\n", "no assignment\n"])
def test_while_the_files_are_broken_the_last_good_options_count(site: Site, broken: str) -> None:
    """A broken nova.conf is no reason to lose sight of the bus."""
    conf = site.load().buses[KEY].conf
    site.append("nova.conf", broken)
    assert bus_access(conf()).brokers[0].password == "bus-password"
    site.edit("nova.conf", {broken: "", "bus-password": "bus-rotated"})
    assert bus_access(conf()).brokers[0].password == "bus-rotated"


def test_no_secret_is_in_what_is_printed_of_it(site: Site) -> None:
    """Neither of the settings nor of the source of the options."""
    bus = site.load().buses[KEY]
    assert "bus-password" not in repr(bus) + repr(bus.conf)
