"""What controllers share: right tables become settings, wrong ones one clear line each, no secret shows."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from config.sites import Case, Site, cases
from contracts.tls import self_signed
from nova_watchdog.config.settings import EtcdSettings, ManagementSettings
from nova_watchdog.known_secrets import KnownSecrets

SHARED = """
[etcd]
endpoints = ["https://192.0.2.11:2379", "https://192.0.2.12:2379"]
prefix = "clouds/one"
username = "etcd-user"
password_file = "{root}/etcd-password"
ca_file = "{root}/ca.pem"
cert_file = "{root}/client.pem"
key_file = "{root}/client.pem"
[rabbitmq_management]
url = "https://192.0.2.21:15671/"
username = "management-user"
password_file = "{root}/management-password"
ca_file = "{root}/ca.pem"
# end
"""


@pytest.fixture
def shared(site: Site, ca_file: Path) -> Site:
    """A site with every key of both tables."""
    (site.root / "etcd-password").write_text("etcd-secret\n")
    (site.root / "management-password").write_text("management-secret\n")
    (site.root / "ca.pem").write_bytes(ca_file.read_bytes())
    self_signed(site.root / "client")
    site.edit("nova-watchdog.toml", {'controller = "ctl1"': 'controller = "ctl1"\npriority = 10'})
    site.append("nova-watchdog.toml", SHARED.format(root=site.root))
    return site


def test_without_the_tables_the_daemon_is_alone(site: Site) -> None:
    """No etcd, no management, and nothing is wrong with that."""
    settings = site.load()
    assert (settings.etcd, settings.management, settings.priority) == (None, None, 0)


def test_each_key_is_taken(shared: Site) -> None:
    """Addresses without their last slash, the prefix with one at both ends, secrets from their files."""
    settings = shared.load()
    pem = shared.root / "client.pem"
    assert settings.etcd == EtcdSettings(
        endpoints=("https://192.0.2.11:2379", "https://192.0.2.12:2379"),
        prefix="/clouds/one/",
        username="etcd-user",
        ca_file=shared.root / "ca.pem",
        cert_file=pem,
        key_file=pem,
    )
    assert settings.management == ManagementSettings(
        "https://192.0.2.21:15671", "management-user", ca_file=shared.root / "ca.pem"
    )
    assert settings.etcd.password is not None
    assert settings.etcd.password.one() == "etcd-secret"
    assert settings.management.password is not None
    assert settings.management.password.one() == "management-secret"
    assert settings.priority == 10


def test_endpoints_are_enough(site: Site) -> None:
    """An etcd on loopback, without TLS and accounts."""
    site.append("nova-watchdog.toml", '[etcd]\nendpoints = ["http://127.0.0.1:2379"]\n')
    settings = site.load()
    assert settings.etcd == EtcdSettings(("http://127.0.0.1:2379",), "/nova-watchdog/")
    assert not [note for note in settings.notes if "etcd" in note]


@pytest.mark.parametrize("prefix", ["clouds/one", "/clouds/one", "clouds/one/", "/clouds/one/"])
def test_a_prefix_means_the_same_with_and_without_its_slashes(shared: Site, prefix: str) -> None:
    """Two controllers that spell it differently would both hold."""
    shared.edit("nova-watchdog.toml", {"clouds/one": prefix})
    etcd = shared.load().etcd
    assert etcd is not None
    assert etcd.prefix == "/clouds/one/"


@pytest.mark.parametrize(
    "case", cases("mistakes_shared.toml"), ids=lambda case: f"{case.line[:40]}{case.new[:20]}"
)
def test_a_mistake_is_one_line(shared: Site, case: Case) -> None:
    """File, key, what is wrong, what is allowed; and nothing else."""
    shared.edit("nova-watchdog.toml", case.change(shared.root))
    assert shared.mistakes() == [f"ROOT/nova-watchdog.toml: {case.line}"]


def test_a_password_over_plain_http_is_noted(shared: Site) -> None:
    """It is allowed, and worth a word."""
    shared.edit(
        "nova-watchdog.toml",
        {"https://192.0.2.12": "http://192.0.2.12", "https://192.0.2.21": "http://192.0.2.21"},
    )
    assert shared.load().notes[-2:] == (
        "etcd: its password goes unencrypted to http://192.0.2.12:2379",
        "rabbitmq_management: its password goes unencrypted to http://192.0.2.21:15671",
    )


def test_no_secret_shows(shared: Site) -> None:
    """Neither in the settings nor in a mistake beside them."""
    settings = shared.load()
    text = repr(settings) + str(dataclasses.asdict(settings)) + "".join(settings.notes)
    shared.edit("nova-watchdog.toml", {"priority = 10": "priority = 1001"})
    text += "".join(shared.mistakes())
    assert "etcd-secret" not in text
    assert "management-secret" not in text


def test_the_filter_of_the_log_knows_both_passwords_also_after_a_rotation(shared: Site) -> None:
    """The old one may still be in a line that is about to be logged."""
    secrets = KnownSecrets()
    etcd = secrets.in_use(shared.load()).etcd
    assert {"etcd-secret", "management-secret"} <= set(secrets())
    (shared.root / "etcd-password").write_text("etcd-rotated-secret\n")
    assert etcd is not None
    assert etcd.password is not None
    assert etcd.password.one() == "etcd-rotated-secret"
    assert {"etcd-secret", "etcd-rotated-secret"} <= set(secrets())
