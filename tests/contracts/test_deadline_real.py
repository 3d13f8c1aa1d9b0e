"""What only a real systemd shows of the dead man's switch: reloads, a lost D-Bus, how fast it kills."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from contracts.holding_worlds import RealHoldingWorld, fire, fired_and_done, running_by_token
from nova_watchdog.ports import ActionRefusedError

pytestmark = pytest.mark.lab

LATER_S = 300.0
# The contract's `kill_s` (docs/safety.md) by default.
KILL_S = 2.0


@pytest.fixture
async def world(controller, monkeypatch):
    made = await RealHoldingWorld(controller, monkeypatch).open()
    yield made
    await made.close()


@pytest.mark.parametrize("command", ["daemon-reload", "daemon-reexec"])
async def test_a_reload_of_systemd_moves_nothing(world, command):
    """Neither the moment nor the memory of when it last fired."""
    await running_by_token(world)
    await fire(world)
    await world.deadline.arm(world.now_s + LATER_S)
    before = await world.deadline.read()
    bus, connection = world.port._bus, world.port._bus._bus
    await world.systemctl(command)
    if command == "daemon-reexec":  # it leaves the bus, and the adapter makes a new connection
        await world.eventually(lambda: bus.is_ready and bus._bus is not connection)
    assert await world.deadline.read() == before


async def test_it_fires_without_a_bus(world):
    """Nobody can ask systemd for anything then."""
    unit = await running_by_token(world, "stubborn")
    await world.deadline.arm(world.now_s + 1)
    await world.lose_bus()
    await asyncio.sleep(2)
    assert await world.processes_of(unit) == []
    await world.find_bus()


async def test_fifty_deaf_units_are_dead_in_time(world):
    """Children and all: what `kill_s` promises."""
    units = await world.many_running(50)
    since_s = world.now_s
    await world.deadline.arm(since_s + 1)
    at_s = (await world.deadline.read()).elapses_at_s
    await fired_and_done(world, since_s)
    shown = await world.systemctl("show", "--property=StateChangeTimestampMonotonic", "--value", *units)
    took_s = [int(line) / 1e6 - at_s for line in shown.split()]
    assert len(took_s) == 50
    assert await world.run("pgrep", "-f", "sleep 1234", check=False) == ""
    print(f"50 units were dead {1000 * max(took_s):.0f} ms after the deadline")
    assert 0 < max(took_s) < KILL_S


async def test_what_is_started_again_and_again_is_killed_until_it_stays_dead(world):
    """By somebody who took the condition away, too; a deadline that passes meanwhile is not missed."""
    unit = await running_by_token(world)
    await world._write(f"/run/systemd/system/{unit}.d/open.conf", "[Service]\nExecCondition=\n", parents=True)
    await world.systemctl("daemon-reload")
    starts = asyncio.create_task(
        world.run("sh", "-c", 'for i in $(seq 150); do systemctl start "$1"; done', "sh", unit, check=False)
    )
    await asyncio.sleep(0.2)
    await world.deadline.arm(world.now_s)
    seen = []
    while not starts.done():
        with contextlib.suppress(ActionRefusedError):  # its directory is taken away in the middle of it
            await world.tokens.grant(unit, world.now_s + LATER_S)
        seen.append((await world.deadline.read()).serving)
        await world.deadline.arm(world.now_s)
    await starts
    await fired_and_done(world, 0.0)
    # A token that was written right before its end: the deadline that passed then was that service's.
    await fire(world, 0.0)

    assert any(seen)
    assert (await world.state(unit)).is_down
    assert await world.processes_of(unit) == []
    assert await world.token_names() == []


async def test_what_is_left_over_of_a_dead_unit_is_killed(world):
    """A process that systemd itself has let go."""
    unit = await world.managed()
    await world.tokens.grant(unit, world.now_s + LATER_S)
    await world._write(
        f"/run/systemd/system/{unit}.d/zz-left.conf",
        "[Service]\nKillMode=process\nExecStart=\nExecStart=/bin/sh -c 'sleep 1000 & sleep 1000'\n",
        parents=True,
    )
    await world.systemctl("daemon-reload")
    await world.systemctl("start", unit)
    await world.systemctl("stop", unit)
    assert (await world.port.read(unit)).left_over
    assert await world.processes_of(unit)
    await fire(world)
    assert await world.processes_of(unit) == []
    assert not (await world.port.read(unit)).left_over


async def test_without_a_list_it_says_so_and_tries_again(world):
    """Until there is one nothing can be held here; then it kills what it names."""
    unit = await running_by_token(world)
    await world.run("mv", f"{world.place}/managed-units", f"{world.place}/away")
    await world.tokens.revoke(unit)
    since_s = world.now_s
    await world.deadline.arm(since_s - 1)

    async def says_so():
        return "names no unit" in await world.why_refused(f"{world.deadline_name}.service")

    await world.until(says_so)
    await world.deadline.arm(world.now_s + LATER_S)
    assert (await world.deadline.read()).serving
    await world.run("mv", f"{world.place}/away", f"{world.place}/managed-units")
    await fired_and_done(world, since_s)
    assert (await world.state(unit)).is_down


async def test_what_has_a_token_is_killed_without_a_list_too(world):
    """It was held here, whatever became of the list since."""
    unit = await running_by_token(world)
    await world.run("mv", f"{world.place}/managed-units", f"{world.place}/away")
    await fire(world)
    assert (await world.state(unit)).is_down
    assert await world.token_names() == []
    await world.run("mv", f"{world.place}/away", f"{world.place}/managed-units")


async def test_a_timer_whose_file_was_taken_away_is_noticed(world):
    """With the reload systemd forgets for what the one that waits is waiting: reading it tells."""
    await world.deadline.arm(world.now_s + LATER_S)
    await world.run("ln", "-sf", "/dev/null", f"/run/systemd/system/{world.deadline_name}@.timer")
    await world.systemctl("daemon-reload")
    with pytest.raises(ActionRefusedError, match="masked"):
        await world.deadline.arm(world.now_s + 2 * LATER_S)
    assert (await world.deadline.read()).elapses_at_s is None
