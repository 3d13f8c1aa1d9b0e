"""The kill as the daemon's own user does it, on a controller with the polkit rule as installed."""

from __future__ import annotations

import pytest

from contracts.units_worlds import SystemdWorld
from figures import BUSY_MACHINE_S
from lab.client import Lab

pytestmark = pytest.mark.lab

_KILL_AS_DAEMON = """
import asyncio, sys
from nova_watchdog.adapters.clock import SystemClock
from nova_watchdog.adapters.systemd import SystemdUnits
from nova_watchdog.ports import ActionRefusedError

async def main(unit):
    units = SystemdUnits(SystemClock())
    units.subscribe(unit, lambda: None)
    await units.connect()
    state = await units.read(unit)
    try:
        await units.kill(unit, expected_invocation=state.invocation_id)
        while (state := await units.read(unit)).runs:
            await asyncio.sleep(0.01)
        print("killed", state.active.value, state.stop_cause.value)
    except ActionRefusedError as error:
        print("refused", error)
    await units.close()

asyncio.run(main(sys.argv[1]))
"""


def _kill(lab: Lab, unit: str) -> str:
    command = ["/opt/nova-watchdog/bin/python", "-c", _KILL_AS_DAEMON, unit]
    return lab.controller("ctl1").run(command, user="nova-watchdog").stdout


def test_the_daemons_user_may_kill_its_own_unit(lab: Lab):
    """A real nova-compute, hung: SIGTERM would wait in vain. The daemon itself is stopped meanwhile."""
    unit = lab.pairings[0].unit
    lab.controller("ctl1").run(["systemctl", "stop", "nova-watchdog.service"])
    with lab.fault("stop-process", pairing=lab.pairings[0].name) as injected:
        assert _kill(lab, unit) == "killed failed by-itself\n"
    ended = lab.wait_for("process.exit", since=injected["t"], timeout_s=BUSY_MACHINE_S, unit=unit)
    print(f"a hung nova-compute was dead {ended['t'] - injected['t']:.1f} s after the fault")
    assert not lab.events(injected["before"], "process.exit", unit=lab.pairings[1].unit)


async def test_the_daemons_user_may_kill_no_other_unit(lab_controller, running_lab: Lab):
    """Refused by polkit, and the unit runs on."""
    world = await SystemdWorld(lab_controller).open()
    try:
        unit = await world.new_unit("simple")
        await world.systemctl("start", unit)
        said = _kill(running_lab, unit)
        assert f"refused KillUnit of {unit}: systemd did not allow it: does the polkit rule" in said
        assert await world.systemctl("is-active", unit) == "active"
    finally:
        await world.close()
