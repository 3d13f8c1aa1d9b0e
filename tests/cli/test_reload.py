"""SIGHUP: the new configuration as a whole, or the old one and the reason."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from cli.daemon_process import RunningDaemon, running_daemon
from config.sites import Site


@pytest.fixture
def daemon(site: Site) -> Iterator[RunningDaemon]:
    """Two pairings, both watched."""
    with running_daemon(site) as running:
        yield running


def reload(daemon: RunningDaemon) -> None:
    """As `systemctl reload` does."""
    daemon.lines.clear()
    daemon.notified.clear()
    daemon.process.send_signal(signal.SIGHUP)


async def test_a_reload_takes_the_new_file_and_keeps_what_did_not_change(
    site: Site, daemon: RunningDaemon
) -> None:
    """A pairing goes, a policy changes, and systemd hears when it began and ended."""
    before = await daemon.status()
    assert [one["name"] for one in before["pairings"]] == ["cluster-a", "cluster-b"]
    text = site.toml.read_text()
    begin, end = text.index("[pairing.cluster-b]"), text.index("[control]")
    site.toml.write_text(text[:begin] + text[end:])
    reload(daemon)
    daemon.wait_for_line("reloaded", "pairings=1")
    daemon.wait_for(lambda: any("READY=1" in told for told in daemon.notified), "READY=1")
    assert "RELOADING=1" in daemon.notified[0]
    after = await daemon.status()
    assert [one["name"] for one in after["pairings"]] == ["cluster-a"]
    assert after["started_at"] == before["started_at"]
    runs = {probe["kind"]: probe["runs"] for probe in before["probes"]}
    kept = {probe["kind"]: probe["runs"] for probe in after["probes"]}
    assert kept["nova"] >= runs["nova"], "the probe of the cloud was not kept"
    assert after["reload_mistakes"] == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('mode = "protect"', 'mode = "attack"', "attack"),
        ('mode = "protect"', 'mode = "protect', "is not TOML"),
        ('controller = "ctl1"', 'controller = "ctl2"', "a restart of the daemon"),
    ],
)
async def test_a_bad_new_file_keeps_the_old_configuration_and_says_so(
    site: Site, daemon: RunningDaemon, old: str, new: str, words: str
) -> None:
    """Every mistake is told; the daemon goes on with what it has."""
    site.edit("nova-watchdog.toml", {old: new})
    reload(daemon)
    assert "level=error" in daemon.wait_for_line("reload-refused", words)
    daemon.wait_for(lambda: any("READY=1" in told for told in daemon.notified), "READY=1")
    shown = await daemon.status()
    assert [one["name"] for one in shown["pairings"]] == ["cluster-a", "cluster-b"]
    assert any(words in mistake for mistake in shown["reload_mistakes"])
    site.edit("nova-watchdog.toml", {new: old})
    reload(daemon)
    daemon.wait_for_line("reloaded")
    assert (await daemon.status())["reload_mistakes"] == []


async def test_a_reload_never_drops_a_pairing_because_its_nova_conf_is_broken(
    site: Site, daemon: RunningDaemon
) -> None:
    """At a start it would be "not watched"; a daemon that watches it goes on."""
    site.edit("cluster-a.conf", {"[vmware]": "[vmware"})
    reload(daemon)
    daemon.wait_for_line("reload-refused", "cluster-a.conf")
    shown = await daemon.status()
    assert [one["name"] for one in shown["pairings"]] == ["cluster-a", "cluster-b"]


async def test_no_secret_shows_in_the_log_of_a_reload(site: Site, daemon: RunningDaemon) -> None:
    """Also not one that came with the new file."""
    site.edit("cluster-a.conf", {"vcenter-password": "rotated-password"})
    site.edit("cluster-b.conf", {"vcenter-password": "rotated-password"})
    reload(daemon)
    daemon.wait_for_line("reloaded")
    log = "\n".join(daemon.lines)
    assert "rotated-password" not in log
    assert "bus-password" not in log
