"""Values that are not what they seem: a line indented by accident continues the one above it."""

from __future__ import annotations

import pytest

from nova_watchdog.config import ConfigError, load, load_for_run

_CASES = {
    "compute_driver": ("nova.conf", "transport_url = rabbit"),
    "host_ip": ("cluster-a.conf", "host_username ="),
    "host_username": ("cluster-a.conf", "host_password ="),
    "host": ("cluster-a.conf", "state_path ="),
    "host_password": ("cluster-a.conf", "cluster_name ="),
}


@pytest.mark.parametrize("option", _CASES)
def test_the_mistake_names_the_line_above_and_shows_no_secret(site, option):
    """Only what is wrong; the joined text would hold the next line's value."""
    file, next_line = _CASES[option]
    site.edit(file, {next_line: f"  {next_line}"})
    with pytest.raises(ConfigError) as caught:
        load(site.toml)
    text = str(caught.value)
    assert "bus-password" not in text
    assert "vcenter-password" not in text
    if option != "host_password":  # any text may be a password
        assert f" {option}: " in text


@pytest.mark.parametrize(
    "option", ["host_port = x", "insecure = x", "datastore_regex = (", "host_ip = $nope"]
)
def test_what_is_shown_of_an_unusable_value_is_its_first_line(site, option):
    """The rest is another option's."""
    site.edit(
        "cluster-a.conf", {"host_ip = vc1.example.org\n": "", "host_password": f"{option}\n  host_password"}
    )
    with pytest.raises(ConfigError) as caught:
        load(site.toml)
    assert "vcenter-password" not in str(caught.value)


def test_a_cluster_name_with_a_password_below_it_is_a_mistake(site):
    """With a password from elsewhere the joined text would be the name of the cluster in every metric."""
    site.edit("cluster-a.conf", {"insecure = true": "  host_password = other"})
    with pytest.raises(ConfigError, match=r"\[vmware\] cluster_name: goes on over several lines"):
        load(site.toml)


def test_a_path_with_a_zero_byte_is_a_mistake_of_its_pairing(site):
    """It would otherwise end the daemon, and leave every other pairing without it."""
    site.edit("cluster-a.conf", {"insecure = true": "ca_file = /etc/\0ca"})
    with pytest.raises(ConfigError, match="zero byte"):
        load(site.toml)
    assert [one.name for one in load_for_run(site.toml).unwatched] == ["cluster-a"]
