"""A daemon with [etcd], as a process: without its store it holds nothing, and says so."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from cli.daemon_process import RunningDaemon, running_daemon
from cli.test_reload import reload
from config.sites import Site
from nova_watchdog import cli_config
from nova_watchdog.config import load_for_run
from nova_watchdog.sharing import to_hold, virtual_host

# Nobody listens there.
ETCD = '\n[etcd]\nendpoints = ["http://127.0.0.1:1"]\n'


@pytest.fixture
def daemon(site: Site) -> Iterator[RunningDaemon]:
    """Two pairings that other controllers share, and no store."""
    site.toml.write_text(site.toml.read_text() + ETCD)
    with running_daemon(site) as running:
        yield running


async def test_without_its_store_a_daemon_holds_nothing_and_says_why(daemon: RunningDaemon) -> None:
    """It looks and alerts as ever."""
    daemon.wait_for_line("renewal-failed", "127.0.0.1:1")
    shown = await daemon.status()
    assert shown["keeper"]["registered"] is False
    assert "127.0.0.1:1" in shown["keeper"]["problem"]
    assert {one["hold"]["claim"] for one in shown["pairings"]} == {"unread"}


async def test_a_daemon_asks_its_store_how_full_it_is(daemon: RunningDaemon) -> None:
    """Beside the renewals; a store that does not say it is not known to be full or empty."""
    ends_at_s = time.monotonic() + 20
    while "127.0.0.1:1" not in (shown := await daemon.status())["keeper"]["size_problem"]:
        assert time.monotonic() < ends_at_s
    assert shown["keeper"]["size"] is None


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("[pairing.cluster-b]", "[pairing.cluster-c]", "pairing"),
        ('"http://127.0.0.1:1"', '"http://127.0.0.1:2"', "etcd"),
        ("[etcd]", "[hold]\nmove_budget = 2\n[etcd]", "hold"),
    ],
)
async def test_what_a_hold_stands_on_needs_a_restart(
    site: Site, daemon: RunningDaemon, old: str, new: str, key: str
) -> None:
    """Which takes no nova-compute down: the next daemon goes on with what is held."""
    site.edit("nova-watchdog.toml", {old: new})
    reload(daemon)
    assert "level=error" in daemon.wait_for_line("reload-refused", f": {key}: ", "a restart of the daemon")


def test_a_pairing_whose_files_are_broken_stays_held(site: Site) -> None:
    """Nobody could see its unit dead otherwise; one that is only observed is nobody's to hold."""
    site.edit("cluster-a.conf", {"[vmware]": "[vmware"})
    settings = load_for_run(site.toml)
    assert [one.name for one in settings.unwatched] == ["cluster-a"]
    assert {one.name for one in to_hold(settings)} == {"cluster-a", "cluster-b"}
    site.edit("nova-watchdog.toml", {'mode = "protect"': 'mode = "observe"'})
    assert to_hold(load_for_run(site.toml)) == ()


@pytest.mark.parametrize(
    ("bus", "vhost"),
    [
        ("rabbit://a:5672,b:5672/nova", "nova"),
        ("rabbit://a:5672/", "/"),
        ("rabbit://a:5672", "/"),
        ("rabbit://a:5672/%2Fnova", "/nova"),
    ],
)
def test_the_virtual_host_of_a_bus(bus: str, vhost: str) -> None:
    """As RabbitMQ calls it."""
    assert virtual_host(bus) == vhost


def test_config_check_says_who_shares(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """Alone, or through which etcd; no password."""
    assert cli_config.check(site.toml) == 0
    assert "this daemon is alone" in capsys.readouterr().out
    site.toml.write_text(site.toml.read_text() + ETCD)
    assert cli_config.check(site.toml) == 0
    assert "etcd at http://127.0.0.1:1, below /nova-watchdog/" in capsys.readouterr().out
