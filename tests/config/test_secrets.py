"""No secret shows up by accident: not in settings, notes, mistakes, copies or pickles."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
from pathlib import Path

import pytest

from config.sites import Site
from nova_watchdog.config import ConfigError, Secret
from nova_watchdog.config.transport import NOT_UNDERSTOOD, redact

SECRETS = ("vcenter-password", "bus-password", "cloud-password")


def test_a_secret_hides_in_every_form_of_text() -> None:
    """repr, str, format, f-strings and %-formatting show stars."""
    secret = Secret("hunter2")
    texts = (repr(secret), str(secret), f"{secret}", f"{secret:>20}", "%s %r" % (secret, [secret]))  # noqa: UP031
    assert not any("hunter2" in text for text in texts)
    assert secret.reveal() == "hunter2"


def test_a_secret_is_neither_pickled_nor_written_as_json() -> None:
    """Both fail instead of writing it."""
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(Secret("hunter2"))
    with pytest.raises(TypeError):
        json.dumps(Secret("hunter2"))


def test_a_copied_secret_is_the_same_secret() -> None:
    """dataclasses.asdict copies deeply, and stays dumb."""
    secret = Secret("hunter2")
    assert copy.copy(secret) is secret
    assert copy.deepcopy([secret]) == [secret]


def test_secrets_compare_by_value() -> None:
    """Two readings of one password are equal, and nothing else is."""
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert (bool(Secret("")), bool(Secret("a"))) == (False, True)


def test_the_settings_show_no_secret(site: Site) -> None:
    """Neither as a whole nor as a dictionary nor in their notes."""
    site.edit("cluster-b.conf", {"vcenter-password": "other-vcenter-password"})
    settings = site.load()
    text = repr(settings) + str(dataclasses.asdict(settings)) + "".join(settings.notes)
    text += repr([one.password for one in settings.vcenters.values()])
    assert not [secret for secret in SECRETS if secret in text]
    assert "rabbit://192.0.2.1:5672/nova" in text


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("cluster-a.conf", "host_password = vcenter-password", "host_password vcenter-password"),
        ("cluster-a.conf", "host_password = vcenter-password", "[host_password vcenter-password"),
        ("cluster-a.conf", "host_password = vcenter-password", "\n host_password = vcenter-password"),
        ("cluster-a.conf", "host_password = vcenter-password", "= vcenter-password"),
        ("cluster-a.conf", "vcenter-password", "x$vcenter-password"),
        ("cluster-a.conf", "vcenter-password", "${vcenter-password}$a"),
        ("cluster-a.conf", "vcenter-password", "$x.vcenter-password"),
        ("cluster-a.conf", "[vmware]", "pw = $a-vcenter-password\n[vmware]\ncache_prefix = $pw"),
        ("cluster-a.conf", "insecure = true", "insecure = $host_password"),
        ("cluster-a.conf", "insecure = true", "host_port = $host_password"),
        ("nova.conf", "bus-password", "$bus-password"),
        ("clouds.yaml", "cloud-password}}}", "cloud-password}}"),
        ("clouds.yaml", "cloud-password", "*cloud-password"),
        ("clouds.yaml", "cloud-password", "!cloud-password x"),
        ("nova-watchdog.toml", "[store]", 'password = "vcenter-password"\n[store]'),
        ("nova-watchdog.toml", 'cloud = "lab"', 'cloud = "lab"\npassword = "vcenter-password"'),
        ("nova-watchdog.toml", 'mode = "protect"', "password = vcenter-password"),
    ],
)
def test_a_mistake_shows_no_secret(site: Site, name: str, old: str, new: str) -> None:
    """Even where the malformed line is the password's own, nothing of it is told, in no part of the error."""
    site.edit(name, {old: new})
    with pytest.raises(ConfigError) as caught:
        site.load()
    error = caught.value
    text = str(error) + repr(error) + repr(error.mistakes) + repr(error.__cause__) + repr(error.__context__)
    assert not [secret for secret in SECRETS if secret in text]


def test_the_name_of_an_accidental_variable_in_a_password_is_not_told(site: Site) -> None:
    """`pa$word` refers to an option `word`: that is told, but not the name, a part of the password."""
    site.edit("cluster-a.conf", {"vcenter-password": "pa$word"})
    (line,) = site.mistakes()
    assert line == (
        "ROOT/cluster-a.conf: [vmware] host_password: holds a $ that names no option of these files; allowed:"
        " $$ for a plain dollar sign, or $name of an option that is set"
    )


def test_nothing_is_logged_while_reading(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """oslo.config logs option values on request only, and nobody asks."""
    caplog.set_level("DEBUG")
    site.load()
    assert not [secret for secret in SECRETS if secret in caplog.text]


def test_a_rotated_password_is_seen(site: Site) -> None:
    """The next call after nova's file changed gives the new one."""
    (vcenter,) = site.load().vcenters.values()
    assert vcenter.password() == "vcenter-password"
    site.edit("cluster-a.conf", {"vcenter-password": "rotated"})
    assert vcenter.password() == "rotated"


def test_a_replaced_file_is_seen(site: Site, tmp_path: Path) -> None:
    """Configuration management replaces files instead of writing into them."""
    (vcenter,) = site.load().vcenters.values()
    assert vcenter.password() == "vcenter-password"
    new = tmp_path / "new"
    new.write_text((site.root / "cluster-a.conf").read_text().replace("vcenter-password", "rotated"))
    new.rename(site.root / "cluster-a.conf")
    assert vcenter.password() == "rotated"


@pytest.mark.parametrize(
    "damage", ["[vmware", "[vmware]\nhost_password = $nothing", "[vmware]\nhost_password ="]
)
def test_broken_files_leave_the_last_good_password(site: Site, damage: str) -> None:
    """And their repair brings the new one."""
    (vcenter,) = site.load().vcenters.values()
    good = (site.root / "cluster-a.conf").read_text()
    (site.root / "cluster-a.conf").write_text(damage)
    assert vcenter.password() == "vcenter-password"
    (site.root / "cluster-a.conf").unlink()
    assert vcenter.password() == "vcenter-password"
    (site.root / "cluster-a.conf").write_text(good.replace("vcenter-password", "rotated"))
    assert vcenter.password() == "rotated"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("rabbit://", "rabbit://"),
        ("rabbit://u:p@h:5672//", "rabbit://h:5672//"),
        ("rabbit://u:p@h1:1,u:p@h2:2/v?ssl=1", "rabbit://h1:1,h2:2/v"),
        ("rabbit://u:p@[2001:db8::1]:5672/v", "rabbit://[2001:db8::1]:5672/v"),
        ("rabbit://u:p%40x@h/v", "rabbit://h/v"),
        ("rabbit://h1,h2/v", "rabbit://h1,h2/v"),
        ("rabbit://u:12/34@h:5672/v", NOT_UNDERSTOOD),
        ("rabbit://u:12,34@h:5672/v", NOT_UNDERSTOOD),
        ("rabbit://u:12?34@h:5672/v", NOT_UNDERSTOOD),
        ("rabbit://u:12#34@h:5672/v", NOT_UNDERSTOOD),
        ("rabbit://u:12@34@h:5672/v", NOT_UNDERSTOOD),
        ("rabbit://[u:12@h/v", NOT_UNDERSTOOD),
        ("u:12@h", NOT_UNDERSTOOD),
    ],
)
def test_a_transport_url_shows_its_hosts_only(url: str, expected: str) -> None:
    """A password with a character that URLs use leads to no URL at all rather than to a piece of it."""
    assert redact(url) == expected
