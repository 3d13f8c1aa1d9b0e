"""Files of unwatched pairings are looked at again, and a restart is advised only where it helps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from config.sites import Site
from nova_watchdog.config import load_for_run
from nova_watchdog.config.mended import Look, UnwatchedFiles


@pytest.fixture
def broken(site: Site) -> Site:
    """cluster-a is not watched: its file lacks the vCenter's address."""
    site.edit("cluster-a.conf", {"host_ip": "#host_ip"})
    return site


def watch(site: Site) -> UnwatchedFiles:
    """After the first look, which says what the settings say."""
    settings = load_for_run(site.toml)
    files = UnwatchedFiles(settings)
    assert files.look() == Look(lines={one.name: one.lines for one in settings.unwatched})
    return files


def mend(site: Site) -> None:
    site.edit("cluster-a.conf", {"#host_ip": "host_ip"})


def test_nothing_is_read_again_while_no_file_changes(broken: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look costs a stat a file."""
    files = watch(broken)
    reads: list[Path] = []
    monkeypatch.setattr("nova_watchdog.config.mended.load_for_run", reads.append)
    assert [files.look() for _ in range(5)] == [None] * 5
    assert reads == []


def test_a_mended_file_is_seen_once(broken: Site) -> None:
    """The pairing's name, and nothing in the way."""
    files = watch(broken)
    mend(broken)
    assert files.look() == Look(mended=("cluster-a",))
    assert files.look() is None


def test_a_file_that_was_mended_while_the_daemon_started_is_seen(broken: Site) -> None:
    """Between the reading of the settings and the first look."""
    files = UnwatchedFiles(load_for_run(broken.toml))
    mend(broken)
    assert files.look() == Look(mended=("cluster-a",))


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_text(path.read_text()),
        lambda path: path.chmod(0o600),
        lambda path: (
            path.with_suffix(".new").write_text(path.read_text()) and path.with_suffix(".new").rename(path)
        ),
        lambda path: path.unlink(),
    ],
    ids=["written", "permission", "replaced", "removed"],
)
def test_every_kind_of_change_is_looked_into(broken: Site, change: Callable[[Path], object]) -> None:
    """Content, permissions, another file in its place, no file."""
    files = watch(broken)
    change(broken.root / "cluster-a.conf")
    look = files.look()
    assert look is not None
    assert (look.mended, look.blocked) == ((), "")
    assert list(look.lines) == ["cluster-a"]


def test_a_file_that_is_still_broken_has_its_new_mistakes(broken: Site) -> None:
    """Who mends sees what is left."""
    files = watch(broken)
    broken.edit("cluster-a.conf", {"#host_ip = vc1.example.org": "host_ip = a b"})
    look = files.look()
    assert look is not None
    assert 'host_ip: is "a b"' in look.lines["cluster-a"][0]
    assert not look.mended


def test_a_ca_that_comes_back_mends_its_pairing(site: Site, ca_file: Path) -> None:
    """nova's own files did not change."""
    site.edit("cluster-a.conf", {"insecure = true": f"ca_file = {site.root}/ca.pem"})
    site.edit("cluster-b.conf", {"nova@": "other@"})  # another session, so another trust is no mistake
    files = watch(site)
    (site.root / "ca.pem").write_bytes(ca_file.read_bytes())
    assert files.look() == Look(mended=("cluster-a",))


def test_a_file_in_a_listed_directory_counts(site: Site) -> None:
    """As nova's --config-dir."""
    extra = site.root / "conf.d"
    extra.mkdir()
    site.edit("nova-watchdog.toml", {f"{site.root}/cluster-a.conf": str(extra)})
    files = watch(site)
    (site.root / "cluster-a.conf").rename(extra / "cluster-a.conf")
    assert files.look() == Look(mended=("cluster-a",))


def test_a_restart_that_would_lose_another_pairing_is_not_advised(broken: Site) -> None:
    """The daemon that runs watches cluster-b with what it read at its start."""
    broken.append(
        "nova-watchdog.toml",
        f'[pairing.cluster-c]\nunit = "nova-compute@cluster-c.service"\n'
        f'nova_config = ["{broken.root}/nova.conf", "{broken.root}/cluster-c.conf"]\n',
    )
    text = (broken.root / "cluster-b.conf").read_text()
    (broken.root / "cluster-c.conf").write_text(text.replace("cluster-b", "cluster-c"))
    files = watch(broken)
    (broken.root / "cluster-b.conf").write_text("[vmware")
    mend(broken)
    look = files.look()
    assert look is not None
    assert look.mended == ("cluster-a",)
    assert look.blocked.startswith("cluster-b would not be watched any more: ")
    files.look()
    (broken.root / "cluster-b.conf").write_text(text)
    assert files.look() == Look(mended=("cluster-a",))


def test_a_configuration_with_which_no_daemon_would_start_is_looked_at_until_it_is_right(
    broken: Site,
) -> None:
    """Its mistake may lie in a file that is not nova's."""
    files = watch(broken)
    mend(broken)
    broken.edit("nova-watchdog.toml", {"protect": "protct"})
    for _ in range(2):
        look = files.look()
        assert look is not None
        assert look.mended == ()
        assert look.blocked.startswith("the daemon would not start: ")
        assert 'mode: is "protct"' in look.blocked
    broken.edit("nova-watchdog.toml", {"protct": "protect"})
    assert files.look() == Look(mended=("cluster-a",))
