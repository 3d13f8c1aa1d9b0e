"""What the log's filter knows of nova's secrets, and how it learns of it."""

from __future__ import annotations

from dataclasses import replace

from nova_watchdog.config import load
from nova_watchdog.known_secrets import KnownSecrets


def test_a_line_of_the_log_reads_no_file(site):
    """It is written on the event loop, and nova's files may lie on a file system that hangs."""
    settings = load(site.toml)

    def hangs() -> str:
        raise AssertionError("a password was read for a line of the log")

    vcenters = {key: replace(one, password=hangs) for key, one in settings.vcenters.items()}
    secrets = KnownSecrets()
    secrets.in_use(replace(settings, vcenters=vcenters))
    assert tuple(secrets())


def test_a_password_is_known_before_it_is_used_and_stays_known_when_it_was_rotated(site):
    """Whoever asks for it gets it through the filter's hands."""
    secrets = KnownSecrets()
    (vcenter,) = secrets.in_use(load(site.toml)).vcenters.values()
    assert vcenter.password() == "vcenter-password"
    site.edit("cluster-a.conf", {"vcenter-password": "rotated-password"})
    assert vcenter.password() == "rotated-password"
    assert {"vcenter-password", "rotated-password"} <= set(secrets())


def test_the_password_of_the_bus_is_known_alone_too_and_after_a_rotation(site):
    """A library may print it without its address."""
    secrets = KnownSecrets()
    (bus,) = secrets.in_use(load(site.toml)).buses.values()
    assert "bus-password" in secrets()
    site.edit("nova.conf", {"bus-password": "new%2Fpassword"})
    bus.conf()
    assert {"new%2Fpassword", "new/password"} <= set(secrets())
