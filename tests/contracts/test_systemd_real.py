"""What only a real systemd shows: forgotten units, start limits, reloads, and how fast a signal is."""

from __future__ import annotations

import asyncio
import statistics

import pytest

from contracts.units_worlds import SystemdWorld, Wakes
from figures import BUSY_MACHINE_S
from nova_watchdog.core.model import ActiveState, LoadState, StopCause

pytestmark = pytest.mark.lab


@pytest.fixture
async def world(controller):
    made = await SystemdWorld(controller).open()
    yield made
    await made.close()


async def test_a_stopped_unit_that_systemd_forgets_stays_stopped(world):
    """Nothing refers to it: systemd unloads it and says it never ran, but its stop was seen."""
    unit, wakes = "contract-simple@forgotten.service", Wakes()
    world.port.subscribe(unit, wakes)
    await world.connect()
    await world.systemctl("start", unit)
    await world.systemctl("stop", unit)
    state = await world.port.read(unit)
    assert (state.invocation_id, state.started_at_s) == ("", 0.0)
    assert state.stop_cause is StopCause.FOREIGN_JOB
    await world.port.start(unit, expected_invocation="")
    await world.systemctl("stop", unit)


async def test_a_unit_at_its_start_limit_is_started(world):
    """systemd itself would refuse it, and its `Result` goes on telling of the crash before."""
    unit = await world.new_unit("limited")
    world.port.subscribe(unit, Wakes())
    await world.connect()
    await world.systemctl("start", unit)
    await world.kill(unit)
    assert "repeated too quickly" in await world.start_refusal(unit)
    state = await world.port.read(unit)
    assert (state.active, state.result) == (ActiveState.FAILED, "signal")
    assert state.stop_cause is StopCause.BY_ITSELF
    await world.port.start(unit, expected_invocation=state.invocation_id)
    await world.eventually_active(unit)


@pytest.mark.parametrize("command", ["daemon-reload", "daemon-reexec"])
async def test_a_reload_of_systemd_loses_nothing(world, command):
    """Neither the subscription nor who is who."""
    unit, wakes = await world.watch()
    await world.systemctl("start", unit)
    bus, before = world.port._bus, world.port._bus._bus
    await world.systemctl(command)
    if command == "daemon-reexec":  # it leaves the bus, and the adapter makes a new connection
        await world.eventually(lambda: bus.is_ready and bus._bus is not before)
    await world.port.read(unit)
    wakes.count = 0
    await world.systemctl("stop", unit)
    await world.eventually(lambda: wakes.count > 0)
    assert (await world.port.read(unit)).stop_cause is StopCause.FOREIGN_JOB


async def test_a_changed_unit_file_wakes(world):
    """Masking shows without a change of the unit's state."""
    unit, wakes = await world.watch()
    wakes.count = 0
    await world.mask(unit)
    await world.eventually(lambda: wakes.count > 0)
    assert (await world.port.read(unit)).load is LoadState.MASKED


async def test_a_crash_is_seen_within_milliseconds(world):
    """From the moment systemd gives for its change of state to the wake."""
    unit, _ = await world.watch()
    woken_at_s = []
    world.port.subscribe(unit, lambda: woken_at_s.append(world.clock.now_s()))
    took_s = []
    for _ in range(10):
        await world.systemctl("start", unit)
        await world.kill(unit)
        state = await world.port.read(unit)
        assert state.active is ActiveState.FAILED
        took_s.append(next(at_s for at_s in woken_at_s if at_s >= state.changed_at_s) - state.changed_at_s)
    median_ms, most_ms = 1000 * statistics.median(took_s), 1000 * max(took_s)
    print(f"a crash woke its subscriber after {median_ms:.1f} ms (median of 10; {most_ms:.1f} ms at most)")
    assert most_ms < 1000 * BUSY_MACHINE_S


_START_AS_DAEMON = """
import asyncio, sys
from nova_watchdog.adapters.clock import SystemClock
from nova_watchdog.adapters.systemd import SystemdUnits
from nova_watchdog.ports import ActionRefusedError

async def main(unit):
    units = SystemdUnits(SystemClock())
    units.subscribe(unit, lambda: None)
    await units.connect()
    state = await units.read(unit)
    print("read", state.active.value)
    try:
        await units.start(unit, expected_invocation=state.invocation_id)
    except ActionRefusedError as error:
        print("refused", error)
    await units.close()

asyncio.run(main(sys.argv[1]))
"""


async def test_the_daemons_user_may_start_its_own_units_only(lab_controller):
    """As installed: any other unit can be read, but polkit does not let it be started."""
    world = await SystemdWorld(lab_controller).open()
    try:
        unit = "contract-simple@forbidden.service"
        done = await asyncio.to_thread(
            lab_controller.run,
            ["/opt/nova-watchdog/bin/python", "-c", _START_AS_DAEMON, unit],
            user="nova-watchdog",
        )
    finally:
        await world.close()
    assert "read inactive" in done.stdout
    assert f"refused StartUnit of {unit}: systemd did not allow it: does the polkit rule" in done.stdout
