"""One broken nova.conf costs its own pairing, not the daemon."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from config.sites import Case, Site, cases
from config.test_files import unprivileged
from config.test_secrets import SECRETS
from nova_watchdog.config import ConfigError, Unwatched, load_for_run


def unwatched(site: Site) -> Unwatched:
    """The one pairing that is not watched; the other one is."""
    settings = load_for_run(site.toml)
    (found,) = settings.unwatched
    names = {found.name} | {one.pairing.name for one in settings.pairings}
    assert names == {"cluster-a", "cluster-b"}
    (vcenter,) = settings.vcenters.values()
    assert vcenter.pairings == tuple(one.pairing.name for one in settings.pairings)
    return found


def test_a_right_configuration_is_watched_as_a_whole(site: Site) -> None:
    """The same settings as those of the strict reading."""
    settings = load_for_run(site.toml)
    assert settings == site.load()
    assert settings.unwatched == ()


@pytest.mark.parametrize("case", cases("mistakes_nova.toml"), ids=lambda case: case.line[:50])
def test_whatever_is_wrong_in_one_pairings_files_leaves_the_other_watched(site: Site, case: Case) -> None:
    """The mistake is the one that the strict reading tells."""
    site.edit("cluster-a.conf", case.change(site.root))
    found = unwatched(site)
    assert (found.name, found.unit) == ("cluster-a", "nova-compute@cluster-a.service")
    told = [line.replace(str(site.root), "ROOT") for line in found.lines]
    assert f"ROOT/cluster-a.conf: {case.line}" in told
    assert told == site.mistakes()


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b"[DEFAULT]\nhost = \xff\n"),
        lambda path: path.write_text("[vmware"),
        lambda path: path.write_text(""),
        lambda path: (path.unlink(), path.mkdir()),
    ],
    ids=["missing", "no-utf8", "malformed", "empty", "directory"],
)
def test_a_file_that_cannot_be_used_costs_its_pairing_alone(
    site: Site, damage: Callable[[Path], object]
) -> None:
    """With a mistake that names it, and the files to mend."""
    damage(site.root / "cluster-b.conf")
    found = unwatched(site)
    assert found.name == "cluster-b"
    assert "cluster-b.conf" in found.lines[0]
    assert found.files == (site.root / "nova.conf", site.root / "cluster-b.conf")


def test_a_missing_ca_is_one_of_the_files_to_mend(site: Site) -> None:
    """Its repair mends the pairing without a change in nova's files."""
    site.edit("cluster-a.conf", {"insecure = true": f"ca_file = {site.root}/ca.pem"})
    assert unwatched(site).files[-1] == site.root / "ca.pem"


def test_a_mistake_in_the_file_of_all_pairings_leaves_none(site: Site) -> None:
    """Nothing to watch is a mistake of the configuration, told as ever."""
    site.append("nova.conf", "oops\n")
    with pytest.raises(ConfigError) as caught:
        load_for_run(site.toml)
    assert len(caught.value.mistakes) == 1
    assert "nova.conf: line 5: is no assignment" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("nova-watchdog.toml", "protect", "protct", 'mode: is "protct"'),
        (
            "nova-watchdog.toml",
            "@cluster-b.service",
            "@cluster-c.service",
            "is the unit of pairing.cluster-b",
        ),
        ("clouds.yaml", "lab:", "lba:", '"lab" is no cloud'),
        (
            "cluster-c.conf",
            "host = vcenter-cluster-c",
            "host = vcenter-cluster-b",
            "is that of pairing.cluster-b",
        ),
        (
            "cluster-c.conf",
            "cluster_name = cluster-c",
            "cluster_name = cluster-b",
            "belongs to pairing.cluster-b",
        ),
    ],
    ids=["toml", "one-unit-twice", "clouds", "one-host-twice", "one-cluster-twice"],
)
def test_what_is_no_fault_of_one_pairing_stays_an_error(
    site: Site, name: str, old: str, new: str, told: str
) -> None:
    """And then every mistake is told, those in nova's files too."""
    text = (site.root / "cluster-b.conf").read_text().replace("cluster-b", "cluster-c")
    (site.root / "cluster-c.conf").write_text(text)
    site.append(
        "nova-watchdog.toml",
        f'[pairing.cluster-c]\nunit = "nova-compute@cluster-c.service"\n'
        f'nova_config = ["{site.root}/nova.conf", "{site.root}/cluster-c.conf"]\n',
    )
    (site.root / "cluster-a.conf").write_text("[vmware")
    assert [one.name for one in load_for_run(site.toml).unwatched] == ["cluster-a"]
    site.edit(name, {old: new})
    with pytest.raises(ConfigError) as caught:
        load_for_run(site.toml)
    assert told in str(caught.value)
    assert "cluster-a.conf: line 1: is a section without its closing bracket" in str(caught.value)


def test_an_unwatched_pairing_shows_no_secret(site: Site) -> None:
    """Not even where the malformed line is the password's own."""
    site.edit("cluster-a.conf", {"host_password = vcenter-password": "host_password vcenter-password"})
    found = unwatched(site)
    assert not [secret for secret in SECRETS if secret in repr(found) + "".join(found.lines)]


@pytest.mark.parametrize("where", ["nova-file", "ca"])
def test_a_directory_that_may_not_be_entered_is_a_mistake_and_no_crash(
    site: Site, directory: Path, where: str
) -> None:
    """What /etc/nova usually is: closed for all but nova's group."""
    closed = directory / "closed"
    closed.mkdir()
    if where == "ca":
        site.edit("cluster-a.conf", {"insecure = true": f"ca_file = {closed}/ca.pem"})
    else:
        (site.root / "cluster-a.conf").rename(closed / "cluster-a.conf")
        site.edit("nova-watchdog.toml", {f"{site.root}/cluster-a.conf": f"{closed}/cluster-a.conf"})
    for path in site.root.iterdir():
        text = path.read_text().replace(str(site.root), str(directory))
        (directory / path.name).write_text(text)
        (directory / path.name).chmod(0o644)
    closed.chmod(0o000)
    with unprivileged():
        found = unwatched(Site(directory))
    closed.chmod(0o700)
    assert f"lies in {closed}, which user" in found.lines[0]
