"""A right configuration becomes the settings it means."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from config.sites import Site
from nova_watchdog.core.hold.decide import HoldPolicy
from nova_watchdog.core.hold.timing import Timing
from nova_watchdog.core.model import Mode, Pairing
from nova_watchdog.core.policy import Policy


def test_a_pairing_is_made_of_its_table_and_of_novas_files(site: Site) -> None:
    """Host, cluster, vCenter and mode come together in the core's Pairing."""
    first = site.load().pairings[0]
    assert first.pairing == Pairing(
        name="cluster-a",
        unit="nova-compute@cluster-a.service",
        host="vcenter-cluster-a",
        vcenter="vc1.example.org:443/nova@vsphere.local",
        cluster="cluster-a",
        mode=Mode.PROTECT,
        bus="rabbit://192.0.2.1:5672/nova",
    )
    assert first.nova.state_path == Path("/var/lib/nova-cluster-a")
    assert first.nova.transport.redacted == "rabbit://192.0.2.1:5672/nova"
    assert first.nova.transport.url.reveal() == "rabbit://nova:bus-password@192.0.2.1:5672/nova"
    assert first.nova.files == (site.root / "nova.conf", site.root / "cluster-a.conf")


def test_pairings_with_one_account_share_one_vcenter(site: Site) -> None:
    """One session for both clusters, with nova's trust and password."""
    settings = site.load()
    assert list(settings.vcenters) == ["vc1.example.org:443/nova@vsphere.local"]
    (vcenter,) = settings.vcenters.values()
    assert (vcenter.clusters, vcenter.pairings) == (("cluster-a", "cluster-b"), ("cluster-a", "cluster-b"))
    assert (vcenter.address, vcenter.port, vcenter.insecure, vcenter.ca_file) == (
        "vc1.example.org",
        443,
        True,
        None,
    )
    assert vcenter.password() == "vcenter-password"


def test_pairings_with_two_accounts_have_two_vcenters(site: Site) -> None:
    """An account of its own means a session of its own."""
    site.edit("cluster-b.conf", {"nova@vsphere.local": "other@vsphere.local"})
    assert [key.split("/")[1] for key in site.load().vcenters] == [
        "nova@vsphere.local",
        "other@vsphere.local",
    ]


def test_a_ca_file_wins_over_insecure(site: Site, ca_file: Path) -> None:
    """As in nova: the certificate is verified as soon as a CA is given."""
    for name in ("cluster-a.conf", "cluster-b.conf"):
        site.append(name, f"ca_file = {ca_file}\n")
    (vcenter,) = site.load().vcenters.values()
    assert (vcenter.ca_file, vcenter.insecure) == (ca_file, False)


def test_a_directory_of_cas_is_taken_as_it_is(site: Site) -> None:
    """nova accepts a directory, so the daemon does."""
    for name in ("cluster-a.conf", "cluster-b.conf"):
        site.append(name, f"ca_file = {site.root}\n")
    (vcenter,) = site.load().vcenters.values()
    assert vcenter.ca_file == site.root


def test_a_pairing_may_have_its_own_mode(site: Site) -> None:
    """`mode` in a pairing overrides the top one."""
    site.edit("nova-watchdog.toml", {"[pairing.cluster-b]": '[pairing.cluster-b]\nmode = "observe"'})
    assert [one.pairing.mode for one in site.load().pairings] == [Mode.PROTECT, Mode.OBSERVE]


def test_without_a_word_on_it_everything_has_its_default(site: Site) -> None:
    """Only observe, the default policy, HTTP on loopback."""
    site.edit("nova-watchdog.toml", {'mode = "protect"\n': ""})
    settings = site.load()
    assert settings.mode is Mode.OBSERVE
    assert settings.policy == Policy()
    assert settings.http is not None
    assert settings.http.listen == "127.0.0.1:9743"
    assert settings.log_level == "info"
    assert settings.openstack.timeout_s < settings.openstack.interval_s


def test_the_controller_is_named_after_its_host_by_default(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without `controller` the host's name is used."""
    monkeypatch.setattr("socket.gethostname", lambda: "ctl7")
    site.edit("nova-watchdog.toml", {'controller = "ctl1"\n': ""})
    assert site.load().controller == "ctl7"


@pytest.mark.parametrize(
    ("listen", "expected"),
    [("", None), ("0.0.0.0:80", "0.0.0.0:80"), ("[::1]:9743", "[::1]:9743"), ("host.a:1", "host.a:1")],
)
def test_http_listens_where_it_is_told(site: Site, listen: str, expected: str | None) -> None:
    """An address with its port, or nothing at all."""
    site.append("nova-watchdog.toml", f'[http]\nlisten = "{listen}"\n')
    http = site.load().http
    assert (http.listen if http else None) == expected


def test_every_field_of_the_policy_can_be_set(site: Site) -> None:
    """The table is built from the dataclass: each field is accepted with its own default's value."""
    lines = "".join(
        f"{field.name} = {list(value) if isinstance(value, tuple) else value}\n"
        for field in dataclasses.fields(Policy)
        for value in [getattr(Policy(), field.name)]
    )
    site.append("nova-watchdog.toml", f"[policy]\n{lines}")
    assert site.load().policy == Policy()


def test_every_key_of_hold_can_be_set(site: Site) -> None:
    """The table is built from two dataclasses: each of their fields arrives where it belongs."""
    site.append(
        "nova-watchdog.toml",
        "[hold]\nrenew_s = 2\ntimeout_s = 1.5\ndeadline_s = 20\nkill_s = 3\nmargin_s = 1\n"
        "move_budget = 2\nmove_window_s = 600\n",
    )
    settings = site.load()
    assert settings.timing == Timing(2.0, 1.5, 20.0, 3.0, 1.0)
    assert settings.hold_policy == HoldPolicy(2, 600.0)


def test_without_hold_its_defaults_are_those_of_the_core(site: Site) -> None:
    """They are written once."""
    settings = site.load()
    assert (settings.timing, settings.hold_policy) == (Timing(), HoldPolicy())


def test_whole_numbers_are_good_seconds(site: Site) -> None:
    """`60` is as good as `60.0`, in a list too, and arrives as a tuple of floats."""
    site.append("nova-watchdog.toml", "[policy]\nrestart_backoff_s = [1, 2.5, 60]\nrestart_window_s = 600\n")
    policy = site.load().policy
    assert policy.restart_backoff_s == (1.0, 2.5, 60.0)
    assert all(type(value) is float for value in (*policy.restart_backoff_s, policy.restart_window_s))


def test_an_ipv6_vcenter_has_brackets_in_its_key(site: Site) -> None:
    """`address:port` stays readable."""
    site.edit("cluster-a.conf", {"vc1.example.org": "2001:db8::1"})
    assert site.load().pairings[0].pairing.vcenter == "[2001:db8::1]:443/nova@vsphere.local"


def test_insecure_and_differing_passwords_are_noted(site: Site) -> None:
    """Neither is a mistake for certain, both are told."""
    site.edit("cluster-b.conf", {"vcenter-password": "vcenter-rotated"})
    notes = site.load().notes
    assert any("insecure" in note for note in notes)
    assert any("host_password differs from pairing.cluster-a's" in note for note in notes)
    assert not any("rotated" in note for note in notes)


def test_a_directory_that_only_nova_reads_is_noted(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host name set in nova.conf.d would make the daemon watch the wrong service."""
    extra = site.root / "nova.conf.d"
    extra.mkdir()
    (extra / "a.conf").write_text("[DEFAULT]\nhost = x\n")
    monkeypatch.setattr("nova_watchdog.config.nova_settings.NOVA_DEFAULT_DIRS", (extra,))
    assert any("nova.conf.d" in note for note in site.load().notes)
