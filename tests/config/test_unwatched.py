"""What the running daemon tells of the pairings that it cannot watch, and when it ends for their sake."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pytest

from config.sites import Site
from nova_watchdog.config import load_for_run
from nova_watchdog.config.mended import Look
from nova_watchdog.unwatched import UnwatchedPairings


@pytest.fixture
def broken(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """cluster-a is not watched, and a look is due every 10 ms, however long one takes."""
    monkeypatch.setattr("nova_watchdog.unwatched.LOOK_INTERVAL_S", 0.01)
    site.edit("cluster-a.conf", {"host_ip": "#host_ip"})
    return site


async def at_once(call: Callable[[], Look | None]) -> Look | None:
    """A look without a thread."""
    return call()


def events(caplog: pytest.LogCaptureFixture, name: str) -> list[logging.LogRecord]:
    return [one for one in caplog.records if one.getMessage().startswith(f"event={name} ")]


async def looked(pairings: UnwatchedPairings, times: int = 3) -> bool:
    """Whether the daemon would have ended after that many looks."""
    enough = asyncio.Event()
    count = 0

    async def counted(call: Callable[[], Look | None]) -> Look | None:
        nonlocal count
        if count == times:
            enough.set()
            await asyncio.Event().wait()
        count += 1
        return await at_once(call)

    tasks = [asyncio.ensure_future(pairings.until_mended(counted)), asyncio.ensure_future(enough.wait())]
    ended, others = await asyncio.wait(tasks, timeout=60, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    await asyncio.wait(tasks)
    assert ended, "nobody looks"
    return tasks[0] in ended


async def test_an_unwatched_pairing_is_told_once_and_shown(
    broken: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """One ERROR line with the reason, however often its files are looked at."""
    pairings = UnwatchedPairings(load_for_run(broken.toml), under_systemd=True)
    assert not await looked(pairings)
    (line,) = events(caplog, "not-watched")
    assert line.levelno == logging.ERROR
    assert "pairing=cluster-a reason=" in line.getMessage()
    assert "[vmware] host_ip: is set in none of" in line.getMessage()
    assert list(pairings.lines) == ["cluster-a"]


async def test_mended_under_systemd_the_daemon_ends(broken: Site, caplog: pytest.LogCaptureFixture) -> None:
    """systemd starts it anew, with everything watched."""
    caplog.set_level(logging.INFO)
    pairings = UnwatchedPairings(load_for_run(broken.toml), under_systemd=True)
    broken.edit("cluster-a.conf", {"#host_ip": "host_ip"})
    assert await looked(pairings)
    (line,) = events(caplog, "config-mended")
    assert "pairing=cluster-a" in line.getMessage()


async def test_mended_without_systemd_a_restart_is_asked_for_once(
    broken: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody would start it anew."""
    pairings = UnwatchedPairings(load_for_run(broken.toml), under_systemd=False)
    broken.edit("cluster-a.conf", {"#host_ip": "host_ip"})
    assert not await looked(pairings)
    (line,) = events(caplog, "config-mended")
    assert 'next="restart the daemon"' in line.getMessage()
    assert pairings.lines == {"cluster-a": ("mended: a restart of the daemon watches it",)}


async def test_a_new_mistake_is_told_and_shown(broken: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Who mends reads what is left."""
    pairings = UnwatchedPairings(load_for_run(broken.toml), under_systemd=True)
    broken.edit("cluster-a.conf", {"#host_ip = vc1.example.org": "host_ip = a b"})
    assert not await looked(pairings)
    first, second = events(caplog, "not-watched")
    assert "is set in none of" in first.getMessage()
    assert "a b" in second.getMessage()
    assert 'host_ip: is "a b"' in pairings.lines["cluster-a"][0]


async def test_a_restart_that_would_fail_waits(broken: Site, caplog: pytest.LogCaptureFixture) -> None:
    """A daemon that runs is better than one that cannot start; the status says what is in the way."""
    pairings = UnwatchedPairings(load_for_run(broken.toml), under_systemd=True)
    broken.edit("cluster-a.conf", {"#host_ip": "host_ip"})
    broken.edit("nova-watchdog.toml", {"protect": "protct"})
    assert not await looked(pairings)
    (line,) = events(caplog, "restart-blocked")
    assert "the daemon would not start" in line.getMessage()
    assert pairings.lines["cluster-a"][0].startswith("the daemon would not start: ")
    broken.edit("nova-watchdog.toml", {"protct": "protect"})
    assert await looked(pairings)


async def test_a_look_that_hangs_changes_nothing(broken: Site) -> None:
    """A dead network file system must not end the daemon."""
    pairings = UnwatchedPairings(load_for_run(broken.toml), under_systemd=True)
    before = pairings.lines

    async def hangs(_: Callable[[], Look | None]) -> None:
        await asyncio.sleep(0)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(pairings.until_mended(hangs), 0.1)
    assert pairings.lines == before


async def test_without_an_unwatched_pairing_no_file_is_looked_at(
    site: Site, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken file matters at the next start only."""
    monkeypatch.setattr("nova_watchdog.unwatched.LOOK_INTERVAL_S", 0.01)
    pairings = UnwatchedPairings(load_for_run(site.toml), under_systemd=True)
    site.edit("cluster-a.conf", {"host_ip": "#host_ip"})
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(pairings.until_mended(at_once), 0.1)
    assert caplog.records == []
    assert pairings.lines == {}
